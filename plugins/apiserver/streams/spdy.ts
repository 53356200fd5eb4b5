import { createInflate, type Inflate } from 'node:zlib';
import { DICTIONARY } from './spdy-dictionary.ts';

/**
 * As much of SPDY/3.1 as port-forwarding clients speak: streams that the client opens, data, ends and resets. They use no flow control.
 * Source: SPDY protocol draft 3; what Go's `moby/spdystream` sends.
 */
export type SpdyFrame =
  | { type: 'open'; stream: number; headers: Map<string, string>; end: boolean }
  | { type: 'data'; stream: number; data: Buffer; end: boolean }
  | { type: 'reset'; stream: number }
  | { type: 'ping'; id: number }
  | { type: 'goaway' };

const HEADER = 8;
const CONTROL = { open: 1, reply: 2, reset: 3, ping: 6, goaway: 7, headers: 8 } as const;
const FIN = 1;
/** Longest payload written; as the length has 24 bits, more could be. */
const MOST_DATA = 64 * 1024;
const MOST_HEADERS = 64 * 1024;

/** The frames of a byte stream. Throws for what is no SPDY/3. */
export async function* readSpdyFrames(source: AsyncIterable<Buffer>): AsyncGenerator<SpdyFrame> {
  const inflate = createInflate({ dictionary: DICTIONARY });
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of source) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      while (rest.length >= HEADER) {
        const end = HEADER + rest.readUIntBE(5, 3);
        if (rest.length < end) break;
        const frame = await parse(rest.subarray(0, end), inflate);
        rest = rest.subarray(end);
        if (frame) yield frame;
      }
    }
  } finally {
    inflate.close();
  }
}

async function parse(frame: Buffer, inflate: Inflate): Promise<SpdyFrame | undefined> {
  const end = (frame[4]! & FIN) !== 0;
  const first = frame.readUInt32BE(0);
  const payload = frame.subarray(HEADER);
  if (first < 0x8000_0000) return { type: 'data', stream: first, data: payload, end };
  const version = (first >>> 16) & 0x7fff;
  if (version !== 3) throw new Error(`SPDY version ${version} is not spoken, only 3`);
  const stream = payload.length >= 4 ? payload.readUInt32BE(0) & 0x7fff_ffff : 0;
  switch (first & 0xffff) {
    case CONTROL.open:
      return { type: 'open', stream, headers: await headersOf(payload.subarray(10), inflate), end };
    case CONTROL.headers:
      // All header blocks are one compressed stream: none can be left out.
      await headersOf(payload.subarray(4), inflate);
      return undefined;
    case CONTROL.reset:
      return { type: 'reset', stream };
    case CONTROL.ping:
      return { type: 'ping', id: payload.readUInt32BE(0) };
    case CONTROL.goaway:
      return { type: 'goaway' };
    default:
      return undefined;
  }
}

function headersOf(block: Buffer, inflate: Inflate): Promise<Map<string, string>> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const settle = (end: () => void): void => {
      inflate.off('data', take).off('error', fail);
      end();
    };
    const fail = (error: Error): void => settle(() => reject(error));
    const take = (part: Buffer): void => {
      parts.push(part);
      length += part.length;
      if (length > MOST_HEADERS) fail(new Error(`more than ${MOST_HEADERS} bytes of SPDY headers`));
    };
    inflate.on('data', take).once('error', fail);
    inflate.write(block, () => settle(() => resolve(pairs(Buffer.concat(parts)))));
  });
}

function pairs(block: Buffer): Map<string, string> {
  let at = 4;
  const text = (): string => {
    const from = at + 4;
    at = from + block.readUInt32BE(at);
    return block.toString('utf8', from, at);
  };
  const headers = new Map<string, string>();
  for (let left = block.length < 4 ? 0 : block.readUInt32BE(0); left > 0; left -= 1) {
    const name = text();
    headers.set(name.toLowerCase(), text());
  }
  return headers;
}

/** Writes frames; one per connection, for its header blocks are one compressed stream. */
export class SpdyWriter {
  #began = false;

  /** Accepts a stream that the client opened. */
  reply(stream: number): Buffer {
    // No headers, in a stored block: nothing is compressed, and no dictionary needed. The empty block that follows makes the reader
    // hand on what it has. Source: RFC 1950; RFC 1951, 3.2.4.
    const block = Buffer.from([0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
    const begin = this.#began ? [] : [Buffer.of(0x78, 0x01)];
    this.#began = true;
    return control(CONTROL.reply, [uint32(stream), ...begin, block]);
  }

  data(stream: number, data: Uint8Array): Buffer {
    const frames: Uint8Array[] = [];
    for (let at = 0; at < data.length; at += MOST_DATA) {
      const part = data.subarray(at, at + MOST_DATA);
      frames.push(uint32(stream), uint32(part.length), part);
    }
    return Buffer.concat(frames);
  }

  end(stream: number): Buffer {
    return Buffer.concat([uint32(stream), uint32(FIN * 2 ** 24)]);
  }

  ping(id: number): Buffer {
    return control(CONTROL.ping, [uint32(id)]);
  }
}

function control(type: number, parts: Buffer[]): Buffer {
  const payload = Buffer.concat(parts);
  return Buffer.concat([uint32(0x8003_0000 + type), uint32(payload.length), payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
