import { pipeline } from 'node:stream/promises';
import { type AccessAttributes, type BlobClient, type Logger, StatusError } from 'orlop/plugin';
import type { Exchange } from '../http/exchange.ts';

const PATH = '/apis/orlop.dev/v1/blobs';

/** What a request for blobs wants to do. Blobs are bytes, not objects: they are in no discovery document. Throws MethodNotAllowed. */
export function blobAttributes({ method, pathname }: Exchange): AccessAttributes {
  const about = { group: 'orlop.dev', resource: 'blobs' };
  const name = digestIn(pathname);
  if (name === undefined && method === 'POST') return { ...about, verb: 'create' };
  if (name !== undefined && (method === 'GET' || method === 'HEAD')) return { ...about, verb: 'get', name };
  throw new StatusError(
    'MethodNotAllowed',
    `POST bytes to ${PATH}, or GET them from ${PATH}/sha256-...: there is no ${method} of ${pathname}`,
  );
}

/** POST: the body, of any size and type, is stored as it comes. GET: the bytes, or a connection that breaks off. */
export async function blobs(blobs: BlobClient, log: Logger, exchange: Exchange): Promise<void> {
  const { incoming, outgoing, method, pathname } = exchange;
  const digest = digestIn(pathname);
  if (digest === undefined) {
    const { digest, size } = await blobs.put(incoming);
    return exchange.json(201, { digest, size });
  }
  const info = await blobs.stat(digest);
  const stream = await blobs.get(digest);
  outgoing.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    ...(info && { 'Content-Length': info.size }),
  });
  if (method === 'HEAD') {
    stream.destroy();
    outgoing.end();
    return;
  }
  try {
    await pipeline(stream, outgoing);
  } catch (error) {
    if (!exchange.signal.aborted) log.error(`blob ${digest} could not be sent`, { error: String(error) });
  }
}

function digestIn(pathname: string): string | undefined {
  return pathname.slice(PATH.length + 1) || undefined;
}
