import { type AccessAttributes, StatusError, type UserInfo } from 'orlop/plugin';
import type { Exchange } from './exchange.ts';

const USER = 'impersonate-user';
const GROUP = 'impersonate-group';
const UID = 'impersonate-uid';
const EXTRA = 'impersonate-extra-';

/** Whom a request is to be made as, and what one has to be allowed for that. */
export interface Impersonation {
  readonly user: UserInfo;
  readonly needs: readonly AccessAttributes[];
}

/**
 * Whom the request is to be made as, by its headers (`kubectl --as`); `undefined` when it has none. Throws BadRequest. Source: apiserver
 * `pkg/endpoints/filters/impersonation.go`.
 */
export function impersonation(exchange: Exchange): Impersonation | undefined {
  const { rawHeaders } = exchange.incoming;
  const asked: [name: string, value: string][] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (name.startsWith('impersonate-')) asked.push([name, rawHeaders[i + 1]!]);
  }
  if (asked.length === 0) return undefined;
  const all = (name: string): string[] => asked.flatMap(([each, value]) => (each === name ? value : []));
  const [username = ''] = all(USER);
  if (username === '')
    throw bad(`requested ${asked.map(([name]) => name).join(', ')} without impersonating a user`);
  const [, namespace, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? [];
  const isAccount = namespace !== undefined && account !== undefined;
  const verb = 'impersonate';
  const needs: AccessAttributes[] = [
    isAccount
      ? { verb, resource: 'serviceaccounts', namespace, name: account }
      : { verb, resource: 'users', name: username },
  ];
  const groups = all(GROUP);
  for (const name of groups) needs.push({ verb, resource: 'groups', name });
  if (isAccount && groups.length === 0)
    groups.push('system:serviceaccounts', `system:serviceaccounts:${namespace}`);
  const [uid] = all(UID);
  const group = 'authentication.k8s.io';
  if (uid !== undefined) needs.push({ verb, group, resource: 'uids', name: uid });
  const extra: Record<string, string[]> = {};
  for (const [header, value] of asked) {
    if (!header.startsWith(EXTRA)) continue;
    const key = decoded(header.slice(EXTRA.length));
    needs.push({ verb, group, resource: 'userextras', subresource: key, name: value });
    extra[key] = [...(extra[key] ?? []), value];
  }
  return {
    needs,
    user: {
      username,
      ...(uid === undefined ? {} : { uid }),
      groups: withEveryone(username, groups),
      ...(Object.keys(extra).length > 0 ? { extra } : {}),
    },
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
