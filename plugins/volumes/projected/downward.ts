import { cpus, totalmem } from 'node:os';
import { type Container, type Pod, parseQuantity, StatusError } from 'orlop/plugin';
import { type DownwardItem, type FileSet, safePath } from './files.ts';

/** Fields of a pod as files. Throws `Invalid` for a field Kubernetes does not offer there. */
export function downwardFiles(
  pod: Pod,
  items: readonly DownwardItem[],
  defaultMode: number,
  nodeIP: string,
): FileSet {
  const files: FileSet = new Map();
  for (const { path, mode, fieldRef, resourceFieldRef } of items) {
    const text = fieldRef
      ? field(pod, fieldRef.fieldPath, nodeIP)
      : resource(pod, resourceFieldRef?.containerName, resourceFieldRef?.resource, resourceFieldRef?.divisor);
    files.set(safePath(path), { data: Buffer.from(text), mode: mode ?? defaultMode });
  }
  return files;
}

function field({ metadata = {}, spec }: Pod, path: string, nodeIP: string): string {
  const keyed = /^metadata\.(labels|annotations)\['([^']*)'\]$/.exec(path);
  if (keyed) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2]!] ?? '';
  switch (path) {
    case 'metadata.name':
    case 'metadata.namespace':
    case 'metadata.uid':
      return metadata[path.slice('metadata.'.length) as 'name' | 'namespace' | 'uid'] ?? '';
    case 'metadata.labels':
    case 'metadata.annotations':
      return lines(metadata[path.slice('metadata.'.length) as 'labels' | 'annotations']);
    case 'spec.nodeName':
      return spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? 'default';
    case 'status.hostIP':
      return nodeIP;
    default:
      throw new StatusError('Invalid', `downwardAPI: unsupported fieldPath "${path}"`);
  }
}

/** `key="value"` a line, sorted, as kubelet writes a map. */
function lines(map: Record<string, string> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');
}

/** An absent limit is the whole machine, an absent request 0; in units of `divisor`, rounded up. */
function resource(pod: Pod, containerName = '', path = '', divisor = '1'): string {
  const all: Container[] = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const container = all.find(({ name }) => name === containerName);
  if (!container)
    throw new StatusError('Invalid', `downwardAPI: the pod has no container "${containerName}"`);
  const [list, name = ''] = path.split('.');
  const amounts = list === 'limits' ? container.resources?.limits : container.resources?.requests;
  const machine: Record<string, number> = { cpu: cpus().length, memory: totalmem() };
  const fallback = list === 'limits' ? (machine[name] ?? 0) : 0;
  const amount = parseQuantity(amounts?.[name] ?? fallback) ?? 0;
  const units = amount / (parseQuantity(divisor) || 1);
  return String(Math.ceil(Number(units.toPrecision(12))));
}
