import {
  type Container,
  type ContainerState,
  type ContainerStateStatus,
  type ContainerStatus,
  type Pod,
  timestamp,
} from 'orlop/plugin';
import { allowedAt } from './backoff.ts';
import { IMAGE_ERROR_SHOWN, isEnding } from './decide.ts';
import { type ContainerRecord, isDone, isEphemeral, isInitDone, isSidecar, type PodState } from './state.ts';
import type { NodeFacts } from './status.ts';

interface Waiting {
  reason: string;
  message?: string;
}

/** The containerStatuses entry of each container of a pod. */
export function containerStatus(
  pod: Pod,
  state: PodState,
  node: NodeFacts,
  now: number,
): (container: Container) => ContainerStatus {
  const ending = isEnding(pod, state);
  return (container) => {
    const record = state.containers.get(container.name)!;
    const init = pod.spec?.initContainers?.includes(container) ?? false;
    const plainInit = init && !isSidecar(container);
    const ephemeral = isEphemeral(pod, container);
    const { current, previous } = record;
    const running = current?.state === 'Running';
    const waiting = ending && current ? undefined : whyWaiting(pod, container, state, node, now, plainInit);
    const shown: ContainerStateStatus = waiting
      ? { waiting }
      : running
        ? { running: { startedAt: time(current.startedAt) } }
        : current?.state === 'Exited'
          ? terminated(current, node.handler)
          : { waiting: { reason: ephemeral ? 'ContainerCreating' : pending(pod) } };
    const before = waiting && current?.state === 'Exited' ? current : previous;
    const started = running && record.started && !record.starting;
    return {
      name: container.name,
      state: shown,
      lastState: before ? terminated(before, node.handler) : {},
      ready: plainInit
        ? isInitDone(record)
        : !ephemeral && started && record.ready && record.stopping === undefined,
      restartCount: current?.attempt ?? 0,
      image: current?.image || container.image || '',
      imageID: current?.imageId ?? '',
      ...(current?.id ? { containerID: `${node.handler}://${current.id}` } : {}),
      ...(ephemeral ? {} : { started }),
      ...(ephemeral || !running ? {} : given(record)),
    };
  };
}

/** What a running container was promised and has. */
function given({ allocated, resources = {} }: ContainerRecord): Partial<ContainerStatus> {
  return { ...(allocated?.requests ? { allocatedResources: allocated.requests } : {}), resources };
}

/** Why a container that is not running waits; `undefined` when it does not. Reasons are kubelet's. */
function whyWaiting(
  pod: Pod,
  container: Container,
  state: PodState,
  node: NodeFacts,
  now: number,
  plainInit: boolean,
): Waiting | undefined {
  const record = state.containers.get(container.name)!;
  const { current, refused, image } = record;
  if (current?.state === 'Running') return undefined;
  if (current?.state === 'Exited' && isEphemeral(pod, container)) return undefined;
  if (current?.state === 'Exited' && (plainInit ? isInitDone(record) : isDone(pod, record))) return undefined;
  if (current?.state === 'Exited') {
    const allowed = allowedAt(record.crashes, Date.parse(current.finishedAt!), node.limits);
    if (allowed > now) return crashLoop(pod, record, node);
  }
  if (image?.phase === 'refused') return imageWaiting(container, image, now);
  if (refused) return { reason: refused.reason, message: refused.message };
  if (state.refused) return { reason: state.refused.reason, message: state.refused.message };
  return current?.state === 'Exited'
    ? undefined
    : { reason: isEphemeral(pod, container) ? 'ContainerCreating' : pending(pod) };
}

function pending(pod: Pod): string {
  return pod.spec?.initContainers?.length ? 'PodInitializing' : 'ContainerCreating';
}

function crashLoop(pod: Pod, record: ContainerRecord, node: NodeFacts): Waiting {
  const { name, namespace, uid } = pod.metadata ?? {};
  const delay = duration(record.crashes?.delay ?? node.limits.base);
  const message = `back-off ${delay} restarting failed container=${record.name} pod=${name}_${namespace}(${uid})`;
  return { reason: 'CrashLoopBackOff', message };
}

function imageWaiting(
  container: Container,
  image: { reason: string; message: string; at: number },
  now: number,
): Waiting {
  if (image.reason !== 'ErrImagePull' || now < image.at + IMAGE_ERROR_SHOWN) {
    return { reason: image.reason, message: image.message };
  }
  const message = `Back-off pulling image "${container.image}": ${image.reason}: ${image.message}`;
  return { reason: 'ImagePullBackOff', message };
}

function terminated(state: ContainerState, handler: string): ContainerStateStatus {
  return {
    terminated: {
      exitCode: state.exitCode ?? 0,
      reason: state.reason ?? (state.exitCode === 0 ? 'Completed' : 'Error'),
      ...(state.message ? { message: state.message } : {}),
      startedAt: time(state.startedAt),
      finishedAt: time(state.finishedAt),
      ...(state.id ? { containerID: `${handler}://${state.id}` } : {}),
    },
  };
}

function time(text: string | undefined): string {
  return timestamp(text === undefined ? new Date(0) : new Date(text));
}

/** As Go prints it: `10s`, `1m20s`, `5m0s`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
