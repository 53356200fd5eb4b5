import {
  controllerOf,
  keyOfObject,
  type Labels,
  type Pod,
  podRequests,
  type RuntimeClass,
  type Toleration,
} from 'orlop/plugin';
import { type NodePredicate, nodeMatcher, type PreferredNode, preferredNodes } from './affinity.ts';
import { type PodTerms, podTerms, type Spread, spreads } from './terms.ts';

/** What a pod without requests is taken to use when nodes are scored. Source: kube-scheduler's `GetNonzeroRequests`. */
const DEFAULT_MILLICPU = 100;
const DEFAULT_MEMORY = 200 * 1024 * 1024;

/** A pod as the scheduler weighs it: everything that is the same for all nodes, worked out once. */
export interface PodInfo {
  readonly pod: Pod;
  readonly uid: string;
  readonly key: string;
  readonly priority: number;
  /** Whole units (CPU in millicores), `pods: 1` included: integers, so that sums stay exact. */
  readonly requests: readonly (readonly [resource: string, amount: number])[];
  readonly scoredCpu: number;
  readonly scoredMemory: number;
  /** `TCP/0.0.0.0/80` for each host port. */
  readonly hostPorts: readonly string[];
  /** Uid of its controller; '' without. */
  readonly owner: string;
  readonly tolerations: readonly Toleration[];
  /** Node selector and required node affinity, its RuntimeClass's included. */
  readonly matchesNode: NodePredicate;
  readonly preferredNodes: readonly PreferredNode[];
  readonly terms: PodTerms;
  readonly spreads: readonly Spread[];
  /** Why no node will do; e.g. its RuntimeClass is missing. */
  readonly refusal: string | undefined;
}

export function podInfo(pod: Pod, runtimeClasses: ReadonlyMap<string, RuntimeClass> = new Map()): PodInfo {
  const spec = pod.spec ?? { containers: [] };
  const className = spec.runtimeClassName;
  const runtimeClass = className ? runtimeClasses.get(className) : undefined;
  const selector: Labels = { ...runtimeClass?.scheduling?.nodeSelector, ...spec.nodeSelector };
  const requests = wholeUnits(podRequests(pod));
  return {
    pod,
    uid: pod.metadata?.uid ?? '',
    key: keyOfObject(pod),
    priority: spec.priority ?? 0,
    requests: [...requests, ['pods', 1]],
    scoredCpu: requests.get('cpu') ?? DEFAULT_MILLICPU,
    scoredMemory: requests.get('memory') ?? DEFAULT_MEMORY,
    hostPorts: hostPorts(pod),
    owner: controllerOf(pod)?.uid ?? '',
    tolerations: [...(spec.tolerations ?? []), ...(runtimeClass?.scheduling?.tolerations ?? [])],
    matchesNode: nodeMatcher(selector, spec.affinity?.nodeAffinity),
    terms: podTerms(pod),
    spreads: spreads(pod),
    preferredNodes: preferredNodes(spec.affinity?.nodeAffinity),
    refusal:
      className && !runtimeClass
        ? `node(s) lack the RuntimeClass "${className}", which does not exist`
        : undefined,
  };
}

/** CPU in millicores, all rounded up; zeros left out. */
export function wholeUnits(amounts: Record<string, number>): Map<string, number> {
  const units = new Map<string, number>();
  for (const [resource, amount] of Object.entries(amounts)) {
    const whole = Math.ceil((resource === 'cpu' ? amount * 1000 : amount) - 1e-6);
    if (whole > 0) units.set(resource, whole);
  }
  return units;
}

function hostPorts(pod: Pod): string[] {
  return (pod.spec?.containers ?? [])
    .flatMap((container) => container.ports ?? [])
    .filter((port) => port.hostPort)
    .map((port) => `${port.protocol ?? 'TCP'}/${port.hostIP || '0.0.0.0'}/${port.hostPort}`);
}
