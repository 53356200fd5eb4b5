import type { TLSSocket } from 'node:tls';
import { type Authenticator, type Credentials, StatusError, type UserInfo } from 'orlop/plugin';
import type { Exchange } from './exchange.ts';

type Certificate = Credentials['certificate'];

/** What a connection's certificate says does not change while it lasts. */
const certificates = new WeakMap<object, { certificate: Certificate }>();

const ANONYMOUS: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
const AUTHENTICATED = 'system:authenticated';

/** Who makes the request; without credentials anonymous. Throws Unauthorized for credentials that are nobody's. */
export async function authenticate(exchange: Exchange, authenticator: Authenticator): Promise<UserInfo> {
  const certificate = certificateOf(exchange.incoming.socket as TLSSocket);
  const token = /^bearer +(\S+)\s*$/i.exec(exchange.header('authorization'))?.[1];
  if (certificate === undefined && token === undefined) {
    if (exchange.header('authorization') !== '') throw unauthorized();
    return ANONYMOUS;
  }
  const user = await authenticator.authenticate({ certificate, token });
  if (!user) throw unauthorized();
  return user.groups.includes(AUTHENTICATED) ? user : { ...user, groups: [...user.groups, AUTHENTICATED] };
}

function certificateOf(socket: TLSSocket): Certificate {
  const known = certificates.get(socket);
  if (known) return known.certificate;
  const certificate = readCertificate(socket);
  certificates.set(socket, { certificate });
  return certificate;
}

function readCertificate(socket: TLSSocket): Certificate {
  const peer = socket.getPeerCertificate();
  if (!peer?.subject) return undefined;
  // A certificate another CA signed proves nothing.
  if (!socket.authorized) throw unauthorized();
  const { CN, O } = peer.subject as { CN?: string | string[]; O?: string | string[] };
  return { commonName: [CN ?? ''].flat()[0]!, organizations: [O ?? []].flat() };
}

export function unauthorized(): StatusError {
  return new StatusError('Unauthorized', 'Unauthorized');
}
