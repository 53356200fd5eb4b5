import type { UserInfo } from 'orlop/plugin';

/** What a request wants to do. */
export interface Attributes {
  /** As in RBAC: get, list, watch, create, update, patch, delete, deletecollection; the lower-case method of other paths. */
  readonly verb: string;
  readonly group?: string | undefined;
  /** With `/SUBRESOURCE`. */
  readonly resource?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  /** Of a request that is not about a resource. */
  readonly path?: string;
}

export interface Authorizer {
  authorize(user: UserInfo, attributes: Attributes): { allowed: boolean; reason: string };
  rules(user: UserInfo): { resourceRules: object[]; nonResourceRules: object[] };
}

const ANONYMOUS_PATHS = /^\/(?:version|healthz|livez|readyz)(?:\/|$)/;

/** Whoever is authenticated may do everything; nobody else more than ask whether the server lives. */
export const everyoneIsAdmin: Authorizer = {
  authorize({ groups }, { path }) {
    if (groups.includes('system:authenticated'))
      return { allowed: true, reason: 'every authenticated user is an administrator' };
    return { allowed: path !== undefined && ANONYMOUS_PATHS.test(path), reason: '' };
  },
  rules: () => ({
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  }),
};
