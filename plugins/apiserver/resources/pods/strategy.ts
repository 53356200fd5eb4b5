import { type Pod, type PodSpec, podGracePeriodSeconds, type Toleration } from 'orlop/plugin';
import { forbidden } from '../errors.ts';
import type { Strategy } from '../types.ts';
import { defaultPodSpec, defaultRequests } from './defaults.ts';
import { ephemeralContainersPart } from './ephemeral.ts';
import { qosClass } from './qos.ts';
import { resizePart } from './resize.ts';
import { validatePodUpdate } from './update.ts';
import { validatePodSpec } from './validate.ts';
import { podWarnings } from './warnings.ts';

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
  // A manifest that is applied again does not say what was filled in since.
  prepareForUpdate({ spec: next }, { spec: old }) {
    if (!next || !old) return;
    for (const field of FILLED_IN) restore(next, old, field);
    next.tolerations = withNodeTolerations(next.tolerations ?? []);
  },
  validate: ({ spec }) => validatePodSpec(spec, 'spec'),
  validateCreate: ({ spec }) =>
    (spec?.ephemeralContainers ?? []).length > 0
      ? [forbidden('spec.ephemeralContainers', 'cannot be set on create')]
      : [],
  validateUpdate: validatePodUpdate,
  parts: { ephemeralcontainers: ephemeralContainersPart, resize: resizePart },
  // People do not change pods themselves.
  warnings: (pod, old) => (old ? [] : podWarnings(pod)),
  gracePeriodSeconds: podGracePeriodSeconds,
};

const FILLED_IN = [
  'nodeName',
  'serviceAccountName',
  'serviceAccount',
  'priority',
  'preemptionPolicy',
] as const;

function restore<K extends keyof PodSpec>(next: PodSpec, old: PodSpec, field: K): void {
  if (next[field] === undefined && old[field] !== undefined) next[field] = old[field];
}

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
