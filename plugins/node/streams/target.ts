import { type ContainerState, notFound, Pods, type Runtime, StatusError } from 'orlop/plugin';
import type { PodManager } from '../manager.ts';
import type { PodWorker } from '../worker.ts';

/** Which pod a stream is about. */
export interface PodTarget {
  namespace: string;
  pod: string;
  uid?: string;
}

/** Throws NotFound, or Conflict when the pod of that name is another one. */
export function podOf(pods: PodManager, { namespace, pod, uid }: PodTarget): PodWorker {
  const worker = pods.get(namespace, pod);
  if (!worker) throw notFound(Pods, pod);
  if (uid !== undefined && uid !== worker.uid) {
    throw new StatusError('Conflict', `pod "${pod}" was replaced by another of its name; try again`);
  }
  return worker;
}

/** Throws BadRequest unless the container runs. */
export function runningContainer(
  pods: PodManager,
  target: PodTarget & { container: string },
): { runtime: Runtime; container: ContainerState } {
  const { runtime, state } = podOf(pods, target);
  const { pod, container: name } = target;
  const record = state.containers.get(name);
  if (!record) throw new StatusError('BadRequest', `container "${name}" is not valid for pod "${pod}"`);
  const { current } = record;
  if (runtime && current?.state === 'Running') return { runtime, container: current };
  throw new StatusError('BadRequest', `container "${name}" of pod "${pod}" is not running: see its status`);
}
