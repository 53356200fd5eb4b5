import {
  type ContainerStatus,
  type Pod,
  type PodCondition,
  type PodStatus,
  timestamp,
  withCondition,
} from 'orlop/plugin';
import { containerStatus } from './container-status.ts';
import { isEnding } from './decide.ts';
import { resizable, sameResources } from './resize.ts';
import { qosClass } from './resource-fields.ts';
import { ephemeralContainers, isInitDone, isRunning, isSidecar, type PodState } from './state.ts';

export interface NodeFacts {
  nodeIP: string;
  /** RuntimeClass handler: the scheme of container ids. */
  handler: string;
  /** First delay of CrashLoopBackOff and its limit, milliseconds. */
  limits: { base: number; max: number };
}

type Condition = Omit<PodCondition, 'lastTransitionTime'>;

/** The status of a pod as the node sees it: everything but the conditions that others own, which stay. */
export function podStatus(pod: Pod, state: PodState, node: NodeFacts, now: number): PodStatus {
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const statusOf = containerStatus(pod, state, node, now);
  const initStatuses = initContainers.map(statusOf);
  const statuses = containers.map(statusOf);
  const ephemeralStatuses = ephemeralContainers(pod.spec).map(statusOf);
  const phase = podPhase(pod, state);
  const old = pod.status ?? {};
  let conditions: readonly PodCondition[] = old.conditions ?? [];
  const resizing = resizeConditions(pod, state);
  conditions = conditions.filter(
    ({ type }) => !RESIZE_CONDITIONS.includes(type) || resizing.some((each) => each.type === type),
  );
  for (const condition of [...podConditions(pod, state, phase, statuses), ...resizing]) {
    conditions = withCondition(conditions, condition as PodCondition);
  }
  const ip = state.sandbox?.ip;
  const status: PodStatus = {
    ...old,
    phase,
    conditions: [...conditions],
    hostIP: node.nodeIP,
    hostIPs: [{ ip: node.nodeIP }],
    startTime: state.startTime,
    containerStatuses: statuses,
    qosClass: old.qosClass ?? qosClass(pod),
  };
  if (initStatuses.length > 0) status.initContainerStatuses = initStatuses;
  if (ephemeralStatuses.length > 0) status.ephemeralContainerStatuses = ephemeralStatuses;
  if (ip !== undefined) Object.assign(status, { podIP: ip, podIPs: [{ ip }] });
  if (state.failure) Object.assign(status, state.failure);
  return status;
}

/** Source: kubelet's `getPhase`. */
export function podPhase(pod: Pod, state: PodState): string {
  const known = pod.status?.phase;
  if (known === 'Succeeded' || known === 'Failed') return known;
  if (state.failure) return state.released ? 'Failed' : (known ?? 'Pending');
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const records = containers.map(({ name }) => state.containers.get(name)!);
  const exited = records.filter(({ current }) => current?.state === 'Exited');
  if (isEnding(pod, state) && state.released) {
    const all = [...initContainers.filter((each) => !isSidecar(each)), ...containers];
    const succeeded = all.every(({ name }) => isInitDone(state.containers.get(name)));
    return succeeded ? 'Succeeded' : 'Failed';
  }
  if (exited.length < records.length && !records.every((record) => record.current)) return 'Pending';
  return records.some((record) => record.current?.state === 'Created') ? 'Pending' : 'Running';
}

function podConditions(pod: Pod, state: PodState, phase: string, statuses: ContainerStatus[]): Condition[] {
  const unready = statuses.filter((status) => !status.ready).map((status) => status.name);
  const gates = (pod.spec?.readinessGates ?? []).filter(
    ({ conditionType }) =>
      pod.status?.conditions?.find((each) => each.type === conditionType)?.status !== 'True',
  );
  const containersReady = readiness(phase, unready);
  const ready: Condition =
    containersReady.status === 'True' && gates.length > 0
      ? condition(
          'Ready',
          false,
          'ReadinessGatesNotReady',
          `corresponding condition of pod readiness gate "${gates[0]!.conditionType}" does not exist or is not True.`,
        )
      : { ...containersReady, type: 'Ready' };
  return [
    condition('PodReadyToStartContainers', state.sandbox?.ready === true),
    initialized(pod, state, phase),
    ready,
    containersReady,
    condition('PodScheduled', true),
  ];
}

const RESIZE_CONDITIONS = ['PodResizePending', 'PodResizeInProgress'];

/** Present only while a resize waits or is under way. */
function resizeConditions(pod: Pod, state: PodState): Condition[] {
  const conditions: Condition[] = [];
  const { resize } = state;
  if (resize) conditions.push(condition('PodResizePending', true, resize.reason, resize.message));
  const records = resizable(pod).map(({ name }) => state.containers.get(name)!);
  const going = records.filter(
    (record) => isRunning(record) && (record.resizing || !sameResources(record.allocated, record.resources)),
  );
  const message = going.find((record) => record.resizeError)?.resizeError?.message;
  if (going.length > 0)
    conditions.push(
      condition('PodResizeInProgress', true, message === undefined ? undefined : 'Error', message),
    );
  return conditions;
}

function readiness(phase: string, unready: string[]): Condition {
  if (phase === 'Succeeded') return condition('ContainersReady', false, 'PodCompleted');
  if (phase === 'Failed') return condition('ContainersReady', false, 'PodFailed');
  if (unready.length === 0) return condition('ContainersReady', true);
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return condition('ContainersReady', false, 'ContainersNotReady', message);
}

function initialized(pod: Pod, state: PodState, phase: string): Condition {
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const begun = containers.some(({ name }) => state.containers.get(name)?.current !== undefined);
  const incomplete = initContainers.filter((each) => {
    const record = state.containers.get(each.name);
    return isSidecar(each) ? !(isRunning(record) && record!.started) : !isInitDone(record);
  });
  if (incomplete.length === 0 || begun) {
    return condition('Initialized', true, phase === 'Succeeded' ? 'PodCompleted' : undefined);
  }
  const names = incomplete.map(({ name }) => name).join(' ');
  return condition(
    'Initialized',
    false,
    'ContainersNotInitialized',
    `containers with incomplete status: [${names}]`,
  );
}

function condition(type: string, on: boolean, reason?: string, message?: string): Condition {
  return {
    type,
    status: on ? 'True' : 'False',
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}

/** A runtime's RFC 3339 time as Kubernetes writes it. */
export function statusTime(time: string): string {
  return timestamp(new Date(time));
}
