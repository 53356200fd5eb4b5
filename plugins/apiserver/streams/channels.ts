import type { Duplex } from 'node:stream';
import { asStatusError, Channel, channelFrames, readChannelFrames, written } from 'orlop/plugin';
import type { MessageSocket } from './websocket.ts';

/** Subprotocols of exec and attach, best first. v5 lets the client end its standard input. Source: apimachinery `remotecommand`. */
export const CHANNEL_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
/** First byte of a v5 message that ends the channel its second names. */
export const CLOSE = 255;

/**
 * Connects a client's channels with those of a node's stream until one of them ends. What goes wrong is told on the status channel, since
 * the answer has begun.
 */
export async function connectChannels(socket: MessageSocket, open: () => Promise<Duplex>): Promise<void> {
  let stream: Duplex | undefined;
  try {
    stream = await open();
    const node = stream;
    const gone = (): void => void node.destroy();
    socket.closed.addEventListener('abort', gone, { once: true });
    if (socket.closed.aborted) gone();
    // It ends with the socket, and must not keep the answer's end from being sent.
    const input = receive(socket, node);
    await Promise.race([deliver(node, socket), input.then(() => new Promise(() => undefined))]);
  } catch (error) {
    const status = Buffer.from(JSON.stringify(asStatusError(error).toStatus()));
    if (!socket.closed.aborted) {
      await socket.send(Buffer.concat([Buffer.of(Channel.status), status])).catch(() => undefined);
    }
  } finally {
    stream?.destroy();
    socket.close();
  }
}

/** From the client to the node. */
async function receive(socket: MessageSocket, stream: Duplex): Promise<void> {
  for await (const message of socket.messages) {
    const [channel = CLOSE, ended] = message;
    const data = message.subarray(1);
    if (channel === CLOSE && ended === Channel.stdin) {
      await written(stream, channelFrames(Channel.stdin, Buffer.alloc(0)));
    } else if (data.length > 0 && (channel === Channel.stdin || channel === Channel.resize)) {
      await written(stream, channelFrames(channel, data));
    }
  }
}

/** From the node to the client, to the stream's end. */
async function deliver(stream: Duplex, socket: MessageSocket): Promise<void> {
  for await (const { channel, data } of readChannelFrames(stream.iterator({ destroyOnReturn: false }))) {
    if (data.length > 0) await socket.send(Buffer.concat([Buffer.of(channel), data]));
  }
}
