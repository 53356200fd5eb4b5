import { createHash } from 'node:crypto';
import type { Pod, ServiceAccount } from 'orlop/plugin';

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const VOLUME_PREFIX = 'kube-api-access-';
/** An hour and seven seconds: by the odd number tokens of this volume are told from others. */
const API_ACCESS_SECONDS = 3607;

/**
 * What upstream's admission plugin ServiceAccount does to a new pod, in place: it gets the account's name and pull secrets, and each container
 * the API's token, CA and namespace, unless pod or account say otherwise. `seed` makes the volume's name. The
 * pod is not validated yet.
 */
export function useServiceAccount(pod: Pod, account: ServiceAccount, seed: string): void {
  const { spec } = pod;
  if (!spec) return;
  spec.serviceAccountName = account.metadata?.name ?? 'default';
  spec.serviceAccount = spec.serviceAccountName;
  if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
    spec.imagePullSecrets = structuredClone(account.imagePullSecrets);
  }
  if (!(spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true)) return;
  const without = [...(spec.initContainers ?? []), ...spec.containers].filter(
    ({ volumeMounts }) => !volumeMounts?.some(({ mountPath }) => mountPath === MOUNT_PATH),
  );
  if (without.length === 0) return;
  const known = spec.volumes?.find(
    ({ name, projected }: { name?: string; projected?: { sources?: { serviceAccountToken?: unknown }[] } }) =>
      name?.startsWith(VOLUME_PREFIX) && projected?.sources?.some((each) => each.serviceAccountToken),
  );
  const name = known?.name ?? volumeName(seed);
  for (const container of without) {
    const mount = { name, readOnly: true, mountPath: MOUNT_PATH };
    container.volumeMounts = [...(container.volumeMounts ?? []), mount];
  }
  if (!known) spec.volumes = [...(spec.volumes ?? []), { name, projected: apiAccess() }];
}

const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

function volumeName(seed: string): string {
  const bytes = createHash('sha256').update(seed).digest().subarray(0, 5);
  return `${VOLUME_PREFIX}${[...bytes].map((byte) => LETTERS[byte % LETTERS.length]!).join('')}`;
}

function apiAccess(): NonNullable<NonNullable<NonNullable<Pod['spec']>['volumes']>[number]['projected']> {
  return {
    defaultMode: 0o644,
    sources: [
      { serviceAccountToken: { expirationSeconds: API_ACCESS_SECONDS, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  };
}
