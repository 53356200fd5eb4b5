import { definePlugin, provide, StatusError, WriteAdmission } from 'orlop/plugin';

/** @type {WriteAdmission} */
export const admission = {
  concerns: (verb, { group, resource }) => verb !== 'delete' && group === '' && resource === 'configmaps',
  async admit(write, writer) {
    if (!('object' in write)) return write;
    const { metadata } = write.object;
    if (!metadata?.labels?.['team']) {
      const why = `${writer} may not write ConfigMap "${metadata?.name}" without the label "team": say whose it is`;
      throw new StatusError('Forbidden', why);
    }
    const labels = { tier: 'standard', ...metadata.labels };
    return { ...write, object: { ...write.object, metadata: { ...metadata, labels } } };
  },
};

export default definePlugin({
  name: 'my-plugin',
  kind: 'admission.v1',
  version: '0.1.0',
  description: 'Requires of each ConfigMap a label that says whose it is.',
  provides: [WriteAdmission],
  start: () => ({ provides: [provide(WriteAdmission, admission)] }),
});
