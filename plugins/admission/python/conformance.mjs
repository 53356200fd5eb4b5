const resource = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true };
const sample = (labels) => ({
  resource,
  object: { metadata: { namespace: 'default', name: 'a', labels } },
});

export default {
  admission: {
    admitted: [
      { ...sample({ team: 'a' }), as: { metadata: { labels: { team: 'a', tier: 'standard' } } } },
      { ...sample({ team: 'a', tier: 'b' }), as: { metadata: { labels: { tier: 'b' } } } },
    ],
    refused: [{ ...sample({ tier: 'standard' }), reason: 'Forbidden' }],
  },
};
