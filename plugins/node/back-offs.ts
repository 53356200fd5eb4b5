import type { Container, ContainerStatus, Pod } from 'orlop/plugin';

export interface BackOff {
  readonly container: Container;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** What Events tell of containers that have come to wait before they are tried again. Messages are kubelet's. */
export function backOffs(before: Pod, after: Pod): BackOff[] {
  const { name, namespace, uid } = after.metadata ?? {};
  const { initContainers = [], containers = [], ephemeralContainers = [] } = after.spec ?? {};
  return [...initContainers, ...containers, ...ephemeralContainers].flatMap((container): BackOff[] => {
    const reason = waiting(after, container);
    if (reason === waiting(before, container)) return [];
    if (reason === 'CrashLoopBackOff') {
      const message = `Back-off restarting failed container ${container.name} in pod ${name}_${namespace}(${uid})`;
      return [{ container, type: 'Warning', reason: 'BackOff', message }];
    }
    if (reason !== 'ImagePullBackOff') return [];
    const message = `Back-off pulling image "${container.image}"`;
    return [
      { container, type: 'Normal', reason: 'BackOff', message },
      { container, type: 'Warning', reason: 'Failed', message: `Error: ${reason}` },
    ];
  });
}

function waiting({ status }: Pod, { name }: Container): string | undefined {
  const all: ContainerStatus[] = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  return all.find((each) => each.name === name)?.state?.waiting?.reason;
}
