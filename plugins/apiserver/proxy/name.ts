import { StatusError } from 'orlop/plugin';

/** What the name in a proxied path says: `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`. */
export interface ProxyName {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  /** A number or a name; `''`: the usual one. */
  readonly port: string;
}

/** Throws BadRequest. `kind`: for the message. Source: apimachinery `net.SplitSchemeNamePort`. */
export function parseProxyName(text: string, kind: string): ProxyName {
  const parts = text.split(':');
  const [scheme, name, port] = parts.length === 3 ? parts : ['', parts[0], parts[1] ?? ''];
  const isScheme = scheme === '' || scheme === 'http' || scheme === 'https';
  if (parts.length > 3 || !isScheme || !name) {
    throw new StatusError('BadRequest', `invalid ${kind} request ${JSON.stringify(text)}`);
  }
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port: port ?? '' };
}
