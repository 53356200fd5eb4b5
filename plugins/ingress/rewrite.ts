import type { Head } from './head.ts';

/** The request head to send on: without the lines for the client's hop, with `lines` (each with its CRLF). */
export function requestHead(bytes: Buffer, head: Head, lines: string): string {
  let text = '';
  let at = head.start;
  for (let index = 0; index < head.hop.length; index += 2) {
    text += bytes.toString('latin1', at, head.hop[index]);
    at = head.hop[index + 1]!;
  }
  text += bytes.toString('latin1', at, head.end - 2);
  if (head.listed.length > 0) text = without(text, head.listed);
  return `${text}${lines}\r\n`;
}

/** Drops the field lines of these names (lower case). The first line stays; framing and Host cannot be dropped. */
function without(text: string, names: readonly string[]): string {
  const [first, ...fields] = text.split('\r\n');
  const kept = fields.filter((line) => {
    const name = line.slice(0, line.indexOf(':')).toLowerCase();
    return (
      !names.includes(name) || name === 'host' || name === 'content-length' || name === 'transfer-encoding'
    );
  });
  return [first, ...kept].join('\r\n');
}

/**
 * Drops the hop's lines from a response head in place, by moving what stays towards the body, so that head and body still go out in one
 * write. Returns where the head now starts.
 */
export function compactHead(bytes: Buffer, head: Head): number {
  const { hop } = head;
  let shift = 0;
  for (let index = hop.length - 2; index >= 0; index -= 2) {
    shift += hop[index + 1]! - hop[index]!;
    const from = index > 0 ? hop[index - 1]! : head.start;
    bytes.copyWithin(from + shift, from, hop[index]);
  }
  return head.start + shift;
}

/** Where a request wants to go: the host in lower case without port, and the path without query. `undefined`: not a target we serve. */
export function destination(bytes: Buffer, head: Head): { host: string; path: string } | undefined {
  let target = bytes.toString('latin1', head.targetStart, head.targetEnd);
  let authority = bytes.toString('latin1', head.hostStart, head.hostEnd).trimEnd();
  if (target[0] !== '/') {
    const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target);
    if (!absolute) return undefined;
    authority = absolute[1]!;
    target = absolute[2]! || '/';
    if (target[0] !== '/') target = `/${target}`;
  }
  const query = target.indexOf('?');
  const host = /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(authority)?.[1];
  if (host === undefined || /[\s/@,]/.test(host)) return undefined;
  return { host: host.toLowerCase(), path: query < 0 ? target : target.slice(0, query) };
}
