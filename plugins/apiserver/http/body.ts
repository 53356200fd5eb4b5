import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { StatusError } from 'orlop/plugin';
import { parseDocument, type YAMLParseError } from 'yaml';

/** Source: apiserver `DefaultMaxRequestBodyBytes`. */
export const MOST_BODY_BYTES = 3 * 1024 * 1024;

/** Throws RequestEntityTooLarge. */
export async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  if (Number(incoming.headers['content-length'] ?? 0) > MOST_BODY_BYTES) throw tooLarge();
  const gzipped = incoming.headers['content-encoding'] === 'gzip';
  const stream = gzipped ? incoming.pipe(createGunzip()) : incoming;
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MOST_BODY_BYTES) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw new StatusError(
      'BadRequest',
      'the request body could not be read to its end',
      {},
      { cause: error },
    );
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

function tooLarge(): StatusError {
  return new StatusError('RequestEntityTooLarge', `Request entity too large: limit is ${MOST_BODY_BYTES}`);
}

export type Encoding = 'json' | 'yaml' | 'protobuf';

/** The media type without its parameters, lower case; JSON when the header is absent, as kubectl's PUT to `/scale` sends it. */
export function mediaType(header: string): string {
  return header === '' ? 'application/json' : header.split(';', 1)[0]!.trim().toLowerCase();
}

const ENCODINGS: Readonly<Record<string, Encoding>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
};

/** Throws UnsupportedMediaType. */
export function bodyEncoding(header: string): Encoding {
  const encoding = ENCODINGS[mediaType(header)];
  if (encoding) return encoding;
  throw unsupported(header, Object.keys(ENCODINGS));
}

export function unsupported(header: string, supported: readonly string[]): StatusError {
  return new StatusError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format (${JSON.stringify(header)}) - accepted media types include: ${supported.join(', ')}`,
  );
}

/** Throws BadRequest. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw notReadable(`json parse error: ${(error as Error).message}`);
  }
}

/**
 * One YAML document; a JSON one is fine too. Of a key that occurs twice the last value counts; `duplicates` receives what upstream says
 * of it. Throws BadRequest.
 */
export function parseYaml(body: Buffer, duplicates?: string[]): unknown {
  const text = body.toString();
  const document = parseDocument(text, {
    uniqueKeys: true,
    merge: true,
    version: '1.1',
    schema: 'core',
  });
  const [twice, errors] = [true, false].map((isTwice) =>
    document.errors.filter(({ code }) => (code === 'DUPLICATE_KEY') === isTwice),
  ) as [YAMLParseError[], YAMLParseError[]];
  for (const { pos, linePos } of twice) {
    const key = /^["']?([^:"'\n]*)/.exec(text.slice(pos[0]))?.[1]?.trim();
    duplicates?.push(`line ${linePos?.[0].line}: key ${JSON.stringify(key)} already set in map`);
  }
  const [wrong] = errors;
  if (wrong) throw notReadable(`yaml parse error: ${wrong.message.split('\n', 1)[0]!}`);
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (error) {
    throw notReadable(`yaml parse error: ${(error as Error).message}`);
  }
}

function notReadable(why: string): StatusError {
  return new StatusError('BadRequest', `the object provided is unrecognized: ${why}`);
}
