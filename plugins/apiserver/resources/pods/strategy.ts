import { type Pod, podGracePeriodSeconds, type Toleration } from 'orlop/plugin';
import type { Strategy } from '../types.ts';
import { defaultPodSpec, defaultRequests } from './defaults.ts';
import { qosClass } from './qos.ts';

/** How long a pod stays on a node that is not ready. Source: admission plugin DefaultTolerationSeconds. */
const TOLERATION_SECONDS = 300;
const NODE_TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** Source: kubernetes `pkg/registry/core/pod/strategy.go`. */
export const podStrategy: Strategy<Pod> = {
  default(pod) {
    const { spec } = pod;
    if (!spec) return;
    spec.containers ??= [];
    defaultPodSpec(spec);
    defaultRequests(spec);
    spec.enableServiceLinks ??= true;
  },
  prepareForCreate(pod) {
    const { spec } = pod;
    if (!spec) return;
    // What upstream's admission plugins ServiceAccount, Priority and DefaultTolerationSeconds fill in.
    spec.serviceAccountName ??= 'default';
    spec.serviceAccount = spec.serviceAccountName;
    spec.priority ??= 0;
    spec.preemptionPolicy ??= 'PreemptLowerPriority';
    spec.tolerations = withNodeTolerations(spec.tolerations ?? []);
    Object.assign(pod, { status: { phase: 'Pending', qosClass: qosClass(spec) } });
  },
  gracePeriodSeconds: podGracePeriodSeconds,
};

function withNodeTolerations(tolerations: readonly Toleration[]): Toleration[] {
  const missing = NODE_TAINTS.filter(
    (key) =>
      !tolerations.some(
        (each) => (!each.key || each.key === key) && (!each.effect || each.effect === 'NoExecute'),
      ),
  );
  return [
    ...tolerations,
    ...missing.map((key) => ({
      key,
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: TOLERATION_SECONDS,
    })),
  ];
}
