import type { Duplex } from 'node:stream';
import { asStatusError, written } from 'orlop/plugin';
import { CLOSE } from './channels.ts';
import type { Dial } from './tunnel.ts';
import type { MessageSocket } from './websocket.ts';

/**
 * Port-forwarding with one connection per port and two channels each: data on the even one, errors on the odd one. Both begin with the
 * port, little-endian. Source: kubelet `portforward/websocket.go`. Returns when the client has left, or all connections have ended.
 */
export async function forwardChannels(
  socket: MessageSocket,
  ports: readonly number[],
  dial: Dial,
): Promise<void> {
  const pods = await Promise.all(ports.map((port, index) => open(socket, port, 2 * index, dial)));
  const given = pods.flatMap((pod, index) => (pod ? [deliver(socket, pod, 2 * index)] : []));
  try {
    await Promise.race([Promise.all(given), receive(socket, pods)]);
  } finally {
    for (const pod of pods) pod?.destroy();
  }
}

async function open(
  socket: MessageSocket,
  port: number,
  channel: number,
  dial: Dial,
): Promise<Duplex | undefined> {
  const number = Buffer.alloc(2);
  number.writeUInt16LE(port);
  await say(socket, channel, number);
  await say(socket, channel + 1, number);
  try {
    return await dial(port);
  } catch (error) {
    await say(socket, channel + 1, Buffer.from(asStatusError(error).message));
    return undefined;
  }
}

async function deliver(socket: MessageSocket, pod: Duplex, channel: number): Promise<void> {
  try {
    for await (const data of pod.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      await say(socket, channel, data);
    }
  } catch (error) {
    if (socket.closed.aborted) return;
    await say(socket, channel + 1, Buffer.from(asStatusError(error).message));
  }
}

async function receive(socket: MessageSocket, pods: readonly (Duplex | undefined)[]): Promise<void> {
  for await (const message of socket.messages) {
    const [channel = CLOSE, ended = 0] = message;
    const isEnd = channel === CLOSE;
    const pod = pods[(isEnd ? ended : channel) / 2];
    if (!pod?.writable) continue;
    if (isEnd) pod.end();
    else await written(pod, message.subarray(1)).catch(() => undefined);
  }
}

function say(socket: MessageSocket, channel: number, data: Uint8Array): Promise<void> {
  return socket.send(Buffer.concat([Buffer.of(channel), data]));
}
