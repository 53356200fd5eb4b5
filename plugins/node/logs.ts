import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import {
  type ContainerState,
  type LogOptions,
  type LogsParams,
  type Runtime,
  StatusError,
} from 'orlop/plugin';
import type { PodManager } from './manager.ts';
import { podOf } from './streams/target.ts';

/** Serves one `logs` stream. Refusals are kubelet's, word by word, since kubectl prints them. */
export async function serveLogs(pods: PodManager, params: LogsParams, stream: Duplex): Promise<void> {
  const { runtime, container } = find(pods, params);
  const abort = new AbortController();
  stream.once('close', () => abort.abort());
  stream.on('error', () => abort.abort());
  stream.resume();
  const since = sinceOf(params, Date.now());
  const options: LogOptions = {
    follow: params.follow && !params.previous,
    signal: abort.signal,
    ...(params.tailLines === undefined ? {} : { tailLines: params.tailLines }),
    ...(since === undefined ? {} : { since }),
  };
  let left = params.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const { time, data, stream: from } of runtime.containerLogs(container.id, options)) {
    if (abort.signal.aborted || left <= 0) break;
    if (params.stream !== undefined && params.stream !== from) continue;
    const line = params.timestamps ? Buffer.concat([Buffer.from(`${time} `), data]) : data;
    const part = line.length > left ? line.subarray(0, left) : line;
    left -= part.length;
    if (!stream.write(part)) await drained(stream, abort.signal);
  }
  stream.end();
  if (!abort.signal.aborted) await finished(stream, { readable: false });
}

function find(pods: PodManager, params: LogsParams): { runtime: Runtime; container: ContainerState } {
  const { pod: name, container: containerName } = params;
  const worker = podOf(pods, params);
  const record = worker.state.containers.get(containerName);
  if (!record) {
    throw new StatusError('BadRequest', `container "${containerName}" is not valid for pod "${name}"`);
  }
  const { current } = record;
  const container = params.previous ? previous(record) : current?.state === 'Created' ? undefined : current;
  if (container && worker.runtime && container.id !== '') return { runtime: worker.runtime, container };
  if (!params.previous && current?.id && current.state === 'Exited') {
    const text = `unable to retrieve the logs of container "${containerName}" in pod "${name}": its sandbox is gone, and they went with it`;
    throw new StatusError('NotFound', text);
  }
  if (params.previous) {
    const text = `previous terminated container "${containerName}" in pod "${name}" not found`;
    throw new StatusError('BadRequest', text);
  }
  const statuses = [
    ...(worker.pod.status?.initContainerStatuses ?? []),
    ...(worker.pod.status?.containerStatuses ?? []),
    ...(worker.pod.status?.ephemeralContainerStatuses ?? []),
  ];
  const status = statuses.find((each) => each.name === containerName);
  const reason = status?.state?.waiting?.reason ?? 'ContainerCreating';
  const text = `container "${containerName}" in pod "${name}" is waiting to start: ${reason}`;
  throw new StatusError('BadRequest', text);
}

/** The last terminated attempt that another one follows. */
function previous(record: { previous: ContainerState | undefined }): ContainerState | undefined {
  return record.previous?.state === 'Exited' ? record.previous : undefined;
}

function sinceOf({ sinceSeconds, sinceTime }: LogsParams, now: number): string | undefined {
  if (sinceTime !== undefined) return sinceTime;
  return sinceSeconds === undefined ? undefined : new Date(now - sinceSeconds * 1000).toISOString();
}

function drained(stream: Duplex, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    stream.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
