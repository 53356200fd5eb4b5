import type { Container, Pod } from 'orlop/plugin';

/** What marks a container as ours. `instance` is the kernel's id: two clusters on one engine never touch each other's. */
export const LABEL = {
  instance: 'orlop.dev/instance',
  type: 'orlop.dev/type',
  sandbox: 'orlop.dev/sandbox-id',
  uid: 'orlop.dev/pod-uid',
  namespace: 'orlop.dev/pod-namespace',
  name: 'orlop.dev/pod-name',
  ip: 'orlop.dev/pod-ip',
  container: 'orlop.dev/container',
  attempt: 'orlop.dev/attempt',
  image: 'orlop.dev/image',
} as const;

export function podLabels(instance: string, pod: Pod): Record<string, string> {
  const { uid = '', namespace = '', name = '' } = pod.metadata ?? {};
  return {
    [LABEL.instance]: instance,
    [LABEL.uid]: uid,
    [LABEL.namespace]: namespace,
    [LABEL.name]: name,
  };
}

/** The engine's container name; unique per engine by the pod's uid. */
export function sandboxName(pod: Pod): string {
  return `orlop_POD_${nameParts(pod)}`;
}

export function containerName(pod: Pod, container: Container, attempt: number): string {
  return `orlop_${container.name}_${nameParts(pod)}_${attempt}`;
}

function nameParts(pod: Pod): string {
  const { uid = '', namespace = '', name = '' } = pod.metadata ?? {};
  return `${name}_${namespace}_${uid}`;
}

/** The `filters` of a list of this instance's containers. */
export function ours(instance: string, more: Record<string, string> = {}): { label: string[] } {
  return { label: Object.entries({ [LABEL.instance]: instance, ...more }).map(([k, v]) => `${k}=${v}`) };
}
