import { Authenticator, definePlugin, provide } from 'orlop/plugin';

/** @import { Context, JsonSchema } from 'orlop/plugin' */

const AUTHENTICATED = 'system:authenticated';

/** @typedef {Record<string, { username: string, groups: string[] }>} Users by token */

/** @param {Users} users @returns {Authenticator} */
export function authenticator(users) {
  return {
    authenticate({ certificate, token = '' }) {
      if (certificate?.commonName) {
        const { commonName, organizations } = certificate;
        return { username: commonName, groups: [...organizations, AUTHENTICATED] };
      }
      const user = Object.hasOwn(users, token) ? users[token] : undefined;
      return user && { username: user.username, groups: [...user.groups, AUTHENTICATED] };
    },
  };
}

/** @type {JsonSchema} */
const USER = {
  type: 'object',
  properties: { username: { type: 'string' }, groups: { type: 'array', items: { type: 'string' } } },
  required: ['username', 'groups'],
};

export default definePlugin({
  name: 'my-plugin',
  kind: 'auth.v1',
  version: '0.1.0',
  description: 'Knows client certificates, and the tokens of a table.',
  config: {
    type: 'object',
    properties: {
      users: {
        type: 'object',
        description: 'Who has each token.',
        additionalProperties: USER,
        default: {},
      },
    },
  },
  provides: [Authenticator],
  /** @param {Context<{ users: Users }>} ctx */
  start: ({ config }) => ({ provides: [provide(Authenticator, authenticator(config.users))] }),
});
