/** Of one connection only. Source: RFC 9110 7.6.1. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** What the API server's own authentication has used up is not for backends. */
const CREDENTIALS = /^(?:authorization$|impersonate-)/;
/** The API server decides which origins may read what comes from it. Source: kubernetes `corsRemovingTransport`. */
const CORS = /^access-control-/;

type Headers = Record<string, string | string[]>;

/** Who asks, and for what. */
export interface Asked {
  /** Address of the client. */
  client: string;
  /** Path and query, as the client knows them. */
  url: string;
  /** The protocol the client asks for, if any. */
  upgrade: string | undefined;
}

/** A request's headers as its backend gets them. */
export function requestHeaders(raw: readonly string[], { client, url, upgrade }: Asked): Headers {
  const headers = kept(raw, CREDENTIALS);
  const before = [headers['x-forwarded-for'] ?? []].flat();
  headers['x-forwarded-for'] = [...before, client].join(', ');
  headers['x-forwarded-uri'] = url;
  headers['x-forwarded-proto'] = 'https';
  if (headers['host'] !== undefined) headers['x-forwarded-host'] = headers['host'];
  // A body without a length is chunked, whatever the method.
  if (raw.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'transfer-encoding')) {
    headers['transfer-encoding'] = 'chunked';
  }
  return upgrade === undefined ? headers : { ...headers, connection: 'Upgrade', upgrade };
}

export function responseHeaders(raw: readonly string[]): Headers {
  return kept(raw, CORS);
}

function kept(raw: readonly string[], without: RegExp): Headers {
  const named = raw.flatMap((name, i) =>
    i % 2 === 0 && name.toLowerCase() === 'connection' ? raw[i + 1]! : [],
  );
  // What the connection's own header names is for that connection, too.
  const own = new Set(named.flatMap((value) => value.toLowerCase().split(/\s*,\s*/)));
  const headers: Headers = {};
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (HOP_BY_HOP.has(name) || without.test(name) || own.has(name)) continue;
    const known = headers[name];
    headers[name] = known === undefined ? raw[i + 1]! : [known, raw[i + 1]!].flat();
  }
  return headers;
}
