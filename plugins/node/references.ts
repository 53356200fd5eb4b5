import type { Pod, Volume } from 'orlop/plugin';
import { allContainers } from './state.ts';

/** The ConfigMaps and Secrets a pod takes its environment and files from, as `ConfigMap NAME` and `Secret NAME`. */
export function references(pod: Pod): Set<string> {
  const found = new Set<string>();
  const add = (kind: 'ConfigMap' | 'Secret', name: string | undefined): void => {
    if (name) found.add(`${kind} ${name}`);
  };
  for (const { env = [], envFrom = [] } of allContainers(pod)) {
    for (const { configMapRef, secretRef } of envFrom) {
      add('ConfigMap', configMapRef?.name);
      add('Secret', secretRef?.name);
    }
    for (const { valueFrom } of env) {
      add('ConfigMap', valueFrom?.configMapKeyRef?.name);
      add('Secret', valueFrom?.secretKeyRef?.name);
    }
  }
  for (const volume of pod.spec?.volumes ?? []) {
    for (const { configMap, secret } of projections(volume)) {
      add('ConfigMap', configMap?.name);
      add('Secret', secret?.name);
    }
  }
  return found;
}

interface Projection {
  configMap?: { name?: string } | undefined;
  secret?: { name?: string } | undefined;
}

function projections({ configMap, secret, projected }: Volume): Projection[] {
  return [{ configMap, secret: secret && { name: secret.secretName ?? '' } }, ...(projected?.sources ?? [])];
}
