import { type AttachParams, type ExecParams, type Json, nodeSubject, StatusError } from 'orlop/plugin';
import type { Call } from '../handlers/call.ts';
import { containerOf } from '../handlers/logs.ts';
import { flag } from '../http/options.ts';
import { CHANNEL_PROTOCOLS, connectChannels } from './channels.ts';
import { type Target, targetOf } from './target.ts';
import { openWebSocket } from './websocket.ts';

/** A pod's `/exec`: the agent of its node runs the command. Source: pod `ExecLocation`, PodExecOptions. */
export async function execPod(call: Call): Promise<void> {
  const target = await targetOf(call);
  const command = call.exchange.query.getAll('command');
  if (command.length === 0) {
    throw new StatusError('BadRequest', 'you must specify at least one command for the container');
  }
  const params: ExecParams = { ...attachParams(target, call.exchange.query), command };
  await connect(call, target, 'exec', params);
}

/** A pod's `/attach`: the streams of the container's own process. Source: pod `AttachLocation`, PodAttachOptions. */
export async function attachPod(call: Call): Promise<void> {
  const target = await targetOf(call);
  await connect(call, target, 'attach', attachParams(target, call.exchange.query));
}

async function connect(
  { api, exchange }: Call,
  { node }: Target,
  what: 'exec' | 'attach',
  params: AttachParams,
): Promise<void> {
  const socket = await openWebSocket(exchange, CHANNEL_PROTOCOLS);
  const signal = AbortSignal.any([api.sessions.abort.signal, socket.closed]);
  const subject = nodeSubject(node, what);
  await connectChannels(socket, () =>
    api.sessions.bus.openStream(subject, { ...params } as unknown as Json, { signal, timeout: OPEN_MS }),
  );
}

/** An engine under load takes its time to begin a command. */
const OPEN_MS = 30_000;

function attachParams({ pod, namespace, name, uid }: Target, query: URLSearchParams): AttachParams {
  const [stdin, stdout, stderr, tty] = ['stdin', 'stdout', 'stderr', 'tty'].map(
    (each) => flag(query, each) ?? false,
  ) as [boolean, boolean, boolean, boolean];
  if (!stdin && !stdout && !stderr) {
    throw new StatusError('BadRequest', 'you must specify at least one of stdin, stdout, stderr');
  }
  const container = containerOf(pod, query.get('container') ?? '');
  return { namespace, pod: name, uid, container, stdin, stdout, stderr, tty };
}
