import type { Pod } from 'orlop/plugin';

const KEYED = /^metadata\.(labels|annotations)\['([^']*)'\]$/;

/** The value of a downward-API `fieldPath` of a pod; `undefined` when the path is none that Kubernetes supports. */
export function podField(
  pod: Pod,
  path: string,
  node: { podIP: string; hostIP: string },
): string | undefined {
  const { metadata = {}, spec } = pod;
  const keyed = KEYED.exec(path);
  if (keyed) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2]!] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'spec.nodeName':
      return spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? 'default';
    case 'status.hostIP':
    case 'status.hostIPs':
      return node.hostIP;
    case 'status.podIP':
    case 'status.podIPs':
      return node.podIP;
    default:
      return undefined;
  }
}
