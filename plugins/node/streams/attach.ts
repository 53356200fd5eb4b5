import type { Duplex } from 'node:stream';
import { type AttachParams, Channel, channelFrames, StatusError, written } from 'orlop/plugin';
import type { PodManager } from '../manager.ts';
import { relay } from './session.ts';
import { runningContainer } from './target.ts';

/** Serves one `attach` stream: what the container says from now on, to its end; its input where the runtime can give it. */
export async function serveAttach(pods: PodManager, params: AttachParams, stream: Duplex): Promise<void> {
  const { runtime, container } = runningContainer(pods, params);
  if (runtime.attach)
    return relay(await runtime.attach(container.id, { stdin: params.stdin }), params, stream);
  if (params.stdin) {
    throw new StatusError(
      'BadRequest',
      `the runtime ${runtime.handler} takes no input for a running container: attach without --stdin`,
    );
  }
  const abort = new AbortController();
  stream.once('close', () => abort.abort());
  stream.resume();
  const options = { follow: true, tailLines: 0, signal: abort.signal };
  for await (const line of runtime.containerLogs(container.id, options)) {
    if (params[line.stream]) await written(stream, channelFrames(Channel[line.stream], line.data));
  }
  if (stream.destroyed) return;
  const status = { metadata: {}, status: 'Success' };
  stream.end(channelFrames(Channel.status, Buffer.from(JSON.stringify(status))));
}
