import { StatusError, type UserInfo } from 'orlop/plugin';
import type { Attributes } from './authorize.ts';
import type { Exchange } from './exchange.ts';

const USER = 'impersonate-user';
const GROUP = 'impersonate-group';
const UID = 'impersonate-uid';
const EXTRA = 'impersonate-extra-';

/**
 * Who the request is to be made as, by its headers (`kubectl --as`): the user himself when it has none. `authorize` throws Forbidden for
 * whom this user may not be. Source: apiserver `pkg/endpoints/filters/impersonation.go`.
 */
export function impersonated(
  exchange: Exchange,
  authorize: (exchange: Exchange, attributes: Attributes) => void,
): UserInfo {
  const { rawHeaders } = exchange.incoming;
  const asked: [name: string, value: string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (name.startsWith('impersonate-')) asked.push([name, rawHeaders[i + 1]!]);
  }
  if (asked.length === 0) return exchange.user;
  const all = (name: string): string[] => asked.flatMap(([each, value]) => (each === name ? value : []));
  const [username = ''] = all(USER);
  if (username === '')
    throw bad(`requested ${asked.map(([name]) => name).join(', ')} without impersonating a user`);
  const [, namespace, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? [];
  const isAccount = namespace !== undefined && account !== undefined;
  authorize(
    exchange,
    isAccount
      ? { verb: 'impersonate', resource: 'serviceaccounts', namespace, name: account }
      : { verb: 'impersonate', resource: 'users', name: username },
  );
  const groups = all(GROUP);
  for (const name of groups) authorize(exchange, { verb: 'impersonate', resource: 'groups', name });
  if (isAccount && groups.length === 0)
    groups.push('system:serviceaccounts', `system:serviceaccounts:${namespace}`);
  const [uid] = all(UID);
  const group = 'authentication.k8s.io';
  if (uid !== undefined) authorize(exchange, { verb: 'impersonate', group, resource: 'uids', name: uid });
  const extra: Record<string, string[]> = {};
  for (const [header, value] of asked) {
    if (!header.startsWith(EXTRA)) continue;
    const key = decoded(header.slice(EXTRA.length));
    authorize(exchange, { verb: 'impersonate', group, resource: `userextras/${key}`, name: value });
    extra[key] = [...(extra[key] ?? []), value];
  }
  return {
    username,
    ...(uid === undefined ? {} : { uid }),
    groups: withEveryone(username, groups),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

/** Whoever is not nobody is somebody. */
function withEveryone(username: string, groups: readonly string[]): string[] {
  const everyone = username === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  const isKnown = groups.some((each) => each === 'system:authenticated' || each === 'system:unauthenticated');
  return isKnown ? [...groups] : [...groups, everyone];
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function bad(message: string): StatusError {
  return new StatusError('BadRequest', message);
}
