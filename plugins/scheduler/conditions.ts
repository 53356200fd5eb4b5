import { findCondition, type Pod, timestamp, withCondition } from 'orlop/plugin';

/** The pod bound to a node, to be written at the revision it was read at. */
export function binding(pod: Pod, nodeName: string): Pod {
  const conditions = withCondition(pod.status?.conditions, {
    type: 'PodScheduled',
    status: 'True',
    lastTransitionTime: timestamp(),
  });
  return {
    ...pod,
    spec: { ...pod.spec!, nodeName },
    status: { ...pod.status, conditions: [...conditions] },
  };
}

/** The pod with the reason why no node will have it; `undefined` when it says so already. */
export function unschedulable(pod: Pod, message: string): Pod | undefined {
  const old = findCondition(pod.status?.conditions, 'PodScheduled');
  if (old?.status === 'False' && old.reason === 'Unschedulable' && old.message === message) return undefined;
  const conditions = withCondition(pod.status?.conditions, {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
    lastTransitionTime: timestamp(),
  });
  return { ...pod, status: { ...pod.status, phase: 'Pending', conditions: [...conditions] } };
}
