import {
  type AccessAttributes,
  type AccessDecision,
  type Authorizer,
  qualifiedResource,
  StatusError,
  type UserInfo,
} from 'orlop/plugin';

/** Source: apiserver `user.SystemPrivilegedGroup`. */
const MASTERS = 'system:masters';

const EVERYTHING: AccessDecision = { allowed: true, reason: '' };
const NOTHING: AccessDecision = { allowed: false, reason: 'the cluster has no plugin of kind authorizer.v1' };

/**
 * The group `system:masters` may do everything, whatever plugin decides for everybody else; without one they may do nothing. `present` is it, if
 * there is one at present: it may come late, and one that is gone again is still asked, which says so.
 */
export function mastersFirst(present: () => Authorizer | undefined): Authorizer {
  let known: Authorizer | undefined;
  const authorizer = (): Authorizer | undefined => (known ??= present());
  return {
    authorize: (user, attributes) =>
      user.groups.includes(MASTERS) ? EVERYTHING : (authorizer()?.authorize(user, attributes) ?? NOTHING),
    rules(user, namespace) {
      if (user.groups.includes(MASTERS)) {
        return {
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
          nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
          incomplete: false,
        };
      }
      return (
        authorizer()?.rules(user, namespace) ?? { resourceRules: [], nonResourceRules: [], incomplete: false }
      );
    },
  };
}

/** Source: apiserver `pkg/endpoints/handlers/responsewriters/errors.go`. */
export function forbiddenTo({ username }: UserInfo, asked: AccessAttributes, reason: string): StatusError {
  const { verb, group = '', resource = '', subresource, namespace, name = '', path } = asked;
  const who = `User ${JSON.stringify(username)} cannot ${verb}`;
  const why = reason === '' ? '' : `: ${reason}`;
  if (path !== undefined) {
    return new StatusError('Forbidden', `forbidden: ${who} path ${JSON.stringify(path)}${why}`);
  }
  const about = `${qualifiedResource({ group, resource })}${name === '' ? '' : ` ${JSON.stringify(name)}`}`;
  const whole = JSON.stringify(subresource ? `${resource}/${subresource}` : resource);
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope';
  return new StatusError(
    'Forbidden',
    `${about} is forbidden: ${who} resource ${whole} in API group ${JSON.stringify(group)} ${where}${why}`,
    { ...(name === '' ? {} : { name }), group, kind: resource },
  );
}
