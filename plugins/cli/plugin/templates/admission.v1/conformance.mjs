import { ConfigMaps } from 'orlop/plugin';

/** @param {Record<string, string>} labels */
const sample = (labels) => ({
  resource: ConfigMaps,
  object: { metadata: { namespace: 'default', name: 'a', labels } },
});

/** What `orlop plugin test` cannot guess: what becomes of some objects. */
export default {
  admission: {
    admitted: [{ ...sample({ team: 'a' }), as: { metadata: { labels: { tier: 'standard' } } } }],
    refused: [{ ...sample({ tier: 'standard' }), reason: 'Forbidden' }],
  },
};
