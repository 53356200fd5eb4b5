import { STATUS_CODES } from 'node:http';

/** A response made here, not by an endpoint: one line of text that says why. */
export function errorResponse(
  status: number,
  text: string,
  { close, bodiless }: { close: boolean; bodiless: boolean },
): Buffer {
  const body = Buffer.from(`${text}\n`);
  const head =
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
    'content-type: text/plain; charset=utf-8\r\n' +
    `content-length: ${body.length}\r\n` +
    `connection: ${close ? 'close' : 'keep-alive'}\r\n\r\n`;
  return bodiless ? Buffer.from(head) : Buffer.concat([Buffer.from(head), body]);
}
