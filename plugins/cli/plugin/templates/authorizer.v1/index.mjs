import { Authorizer, definePlugin, provide } from 'orlop/plugin';

/** @import { AccessAttributes, UserInfo } from 'orlop/plugin' */

const READ = ['get', 'list', 'watch'];
const PUBLIC = ['configmaps', 'deployments', 'namespaces', 'nodes', 'pods', 'services'];

/**
 * Who is somebody may read these, discover what is served, and ask about themselves.
 * @param {UserInfo} user @param {AccessAttributes} attributes
 */
export function may({ groups }, { verb, resource = '', path }) {
  if (!groups.includes('system:authenticated')) return false;
  if (path !== undefined) return verb === 'get';
  return READ.includes(verb)
    ? PUBLIC.includes(resource)
    : verb === 'create' && resource.startsWith('selfsubject');
}

/** @type {Authorizer} */
const authorizer = {
  authorize: (user, attributes) => ({ allowed: may(user, attributes), reason: '' }),
  rules: () => ({
    resourceRules: [{ verbs: READ, apiGroups: ['*'], resources: PUBLIC }],
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['*'] }],
    incomplete: true,
  }),
};

export default definePlugin({
  name: 'my-plugin',
  kind: 'authorizer.v1',
  version: '0.1.0',
  description: 'Everybody reads, nobody but system:masters writes.',
  provides: [Authorizer],
  start: () => ({ provides: [provide(Authorizer, authorizer)] }),
});
