import { pipeline } from 'node:stream/promises';
import { type Json, type LogsParams, nodeSubject, notFound, type Pod, StatusError } from 'orlop/plugin';
import { count, flag } from '../http/options.ts';
import { forbidden, invalid, invalidObject, unsupported } from '../resources/errors.ts';
import type { FieldError } from '../resources/types.ts';
import { type Call, keyOfPath } from './call.ts';

/** GET of a pod's `/log`: streamed from the agent of the node that runs it. Source: pod `LogLocation`. */
export async function podLogs(call: Call): Promise<void> {
  const { api, exchange, row } = call;
  const key = keyOfPath(call);
  const stored = await api.objects.get(row.storage, key);
  if (!stored) throw notFound(row, key.name);
  const pod = stored.value as Pod;
  const params = logsParams(pod, exchange.query);
  const node = pod.spec?.nodeName;
  // As upstream: nothing runs it yet, so it has said nothing.
  if (!node) return exchange.bytes(200, '', 'text/plain');
  const { signal } = exchange;
  const stream = await api.sessions.bus.openStream(nodeSubject(node, 'logs'), params as unknown as Json, {
    signal,
  });
  stream.end();
  const stop = (): void => void stream.destroy();
  api.sessions.abort.signal.addEventListener('abort', stop, { once: true });
  try {
    await pipeline(stream, exchange.stream('text/plain'));
  } catch (error) {
    // The answer has begun: all that is left is to cut it short.
    if (!signal.aborted)
      api.log.warn(`the logs of pod ${key.namespace}/${key.name} ended early`, { error: String(error) });
    exchange.outgoing.destroy();
  } finally {
    api.sessions.abort.signal.removeEventListener('abort', stop);
  }
}

function logsParams(pod: Pod, query: URLSearchParams): LogsParams {
  const { name = '', namespace = '', uid } = pod.metadata ?? {};
  const sinceTime = query.get('sinceTime') || undefined;
  const numbers = {
    tailLines: whole(query, 'tailLines'),
    sinceSeconds: whole(query, 'sinceSeconds'),
    limitBytes: whole(query, 'limitBytes'),
  };
  const stream = query.get('stream') || 'All';
  const errors = validateLogOptions({ ...numbers, sinceTime, stream });
  if (errors.length > 0) throw invalidObject(LOG_OPTIONS, name, errors);
  if (sinceTime !== undefined && Number.isNaN(Date.parse(sinceTime))) {
    throw new StatusError(
      'BadRequest',
      `sinceTime must be an RFC 3339 time, not ${JSON.stringify(sinceTime)}`,
    );
  }
  const params: LogsParams = {
    namespace,
    pod: name,
    uid,
    container: containerOf(pod, query.get('container') ?? ''),
    follow: flag(query, 'follow') ?? false,
    previous: flag(query, 'previous') ?? false,
    timestamps: flag(query, 'timestamps') ?? false,
    ...numbers,
    sinceTime,
    stream: STREAMS[stream],
  };
  for (const field of Object.keys(params) as (keyof LogsParams)[])
    if (params[field] === undefined) delete params[field];
  return params;
}

const LOG_OPTIONS = { group: '', version: 'v1', kind: 'PodLogOptions' };
const STREAMS: Readonly<Record<string, LogsParams['stream']>> = {
  All: undefined,
  Stdout: 'stdout',
  Stderr: 'stderr',
};

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, ValidatePodLogOptions. */
function validateLogOptions(options: {
  tailLines: number | undefined;
  sinceSeconds: number | undefined;
  limitBytes: number | undefined;
  sinceTime: string | undefined;
  stream: string;
}): FieldError[] {
  const { tailLines, sinceSeconds, limitBytes, sinceTime, stream } = options;
  const errors: FieldError[] = [];
  const positive = (field: string, value: number | undefined): void => {
    if (value !== undefined && value < 1) errors.push(invalid(field, value, 'must be greater than 0'));
  };
  if (tailLines !== undefined && tailLines < 0)
    errors.push(invalid('tailLines', tailLines, 'must be greater than or equal to 0'));
  positive('limitBytes', limitBytes);
  if (sinceSeconds !== undefined && sinceTime !== undefined)
    errors.push(forbidden('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  else positive('sinceSeconds', sinceSeconds);
  if (!Object.hasOwn(STREAMS, stream)) errors.push(unsupported('stream', stream, Object.keys(STREAMS)));
  else if (stream !== 'All' && tailLines !== undefined)
    errors.push(forbidden('', '`tailLines` and specific `stream` are mutually exclusive for now'));
  return errors;
}

function whole(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name) ?? '';
  return /^-\d{1,15}$/.test(value) ? Number(value) : count(query, name);
}

/** The container a request is about: the one asked for, or the only one. Throws BadRequest. */
export function containerOf(pod: Pod, asked: string): string {
  const names = (pod.spec?.containers ?? []).map(({ name }) => name);
  const inits = (pod.spec?.initContainers ?? []).map(({ name }) => name);
  const pod_ = pod.metadata?.name;
  if (asked === '') {
    if (names.length === 1) return names[0]!;
    const choices = inits.length > 0 ? ` or one of the init containers: [${inits.join(' ')}]` : '';
    throw new StatusError(
      'BadRequest',
      `a container name must be specified for pod ${pod_}, choose one of: [${names.join(' ')}]${choices}`,
    );
  }
  const ephemeral = (pod.spec?.ephemeralContainers ?? []).map(({ name }) => name);
  if ([...names, ...inits, ...ephemeral].includes(asked)) return asked;
  throw new StatusError('BadRequest', `container ${asked} is not valid for pod ${pod_}`);
}
