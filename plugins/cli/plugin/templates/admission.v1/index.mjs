import { Admission, definePlugin, provide, StatusError } from 'orlop/plugin';

/** Plugins of the cluster's own, which write what every namespace needs. */
const COMPONENTS = 'system:serviceaccount:kube-system:';

/** @type {Admission} */
export const admission = {
  rules: [{ operations: ['CREATE', 'UPDATE'], apiGroups: [''], resources: ['configmaps'] }],
  mutate(request) {
    const object = /** @type {NonNullable<typeof request.object>} */ (request.object);
    const labels = { tier: 'standard', ...object.metadata?.labels };
    return { ...object, metadata: { ...object.metadata, labels } };
  },
  validate({ object, name, userInfo }) {
    if (object?.metadata?.labels?.['team'] || userInfo.username.startsWith(COMPONENTS)) return;
    const why = `${userInfo.username} may not write ConfigMap "${name}" without the label "team": say whose it is`;
    throw new StatusError('Forbidden', why);
  },
};

export default definePlugin({
  name: 'my-plugin',
  kind: 'admission.v1',
  version: '0.1.0',
  description: 'Requires of each ConfigMap a label that says whose it is.',
  provides: [Admission],
  start: () => ({ provides: [provide(Admission, admission, 'my-plugin')] }),
});
