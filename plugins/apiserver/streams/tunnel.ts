import type { Duplex } from 'node:stream';
import { asStatusError, written } from 'orlop/plugin';
import { readSpdyFrames, type SpdyFrame, SpdyWriter } from './spdy.ts';
import type { MessageSocket } from './websocket.ts';

/** Opens a connection to a port of the pod. */
export type Dial = (port: number) => Promise<Duplex>;

/** A forwarded connection: the client opens an error stream, then a data stream, with one `requestid`. */
interface Connection {
  readonly error: number;
  data: number | undefined;
  pod: Duplex | undefined;
}

/** Port-forwarding as kubectl does it: SPDY/3.1 in the messages of a WebSocket, any number of connections in it. */
export class SpdyTunnel {
  readonly #socket: MessageSocket;
  readonly #dial: Dial;
  readonly #writer = new SpdyWriter();
  readonly #requests = new Map<string, Connection>();
  /** By the data stream. */
  readonly #connections = new Map<number, Connection>();

  constructor(socket: MessageSocket, dial: Dial) {
    this.#socket = socket;
    this.#dial = dial;
  }

  /** Returns when the client has closed the tunnel. */
  async run(): Promise<void> {
    try {
      for await (const frame of readSpdyFrames(this.#socket.messages)) {
        if (frame.type === 'goaway') break;
        await this.#frame(frame);
      }
    } finally {
      for (const { pod } of this.#connections.values()) pod?.destroy();
    }
  }

  async #frame(frame: Exclude<SpdyFrame, { type: 'goaway' }>): Promise<void> {
    switch (frame.type) {
      case 'open':
        return this.#open(frame.stream, frame.headers);
      case 'ping':
        return this.#socket.send(this.#writer.ping(frame.id));
      case 'reset':
        this.#connections.get(frame.stream)?.pod?.destroy();
        return;
      case 'data': {
        const pod = this.#connections.get(frame.stream)?.pod;
        if (!pod?.writable) return;
        // A pod that has gone takes nothing; its end is told by `#carry`.
        if (frame.data.length > 0) await written(pod, frame.data).catch(() => undefined);
        if (frame.end) pod.end();
      }
    }
  }

  async #open(stream: number, headers: Map<string, string>): Promise<void> {
    const id = headers.get('requestid') ?? headers.get('port') ?? '';
    await this.#socket.send(this.#writer.reply(stream));
    if (headers.get('streamtype') === 'error') {
      this.#requests.set(id, { error: stream, data: undefined, pod: undefined });
      return;
    }
    const connection = this.#requests.get(id);
    this.#requests.delete(id);
    if (!connection) throw new Error(`a data stream without an error stream before it: request ${id}`);
    connection.data = stream;
    this.#connections.set(stream, connection);
    try {
      connection.pod = await this.#dial(Number(headers.get('port')));
    } catch (error) {
      await this.#fail(connection, error);
      await this.#end(connection);
      return;
    }
    void this.#carry(connection, connection.pod);
  }

  /** From the pod to the client, to its end. */
  async #carry(connection: Connection, pod: Duplex): Promise<void> {
    try {
      for await (const data of pod.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        await this.#socket.send(this.#writer.data(connection.data!, data));
      }
    } catch (error) {
      await this.#fail(connection, error);
    }
    await this.#end(connection);
  }

  async #fail({ error }: Connection, why: unknown): Promise<void> {
    await this.#tell(this.#writer.data(error, Buffer.from(asStatusError(why).message)));
  }

  async #end(connection: Connection): Promise<void> {
    const { error, data, pod } = connection;
    await this.#tell(Buffer.concat([this.#writer.end(data!), this.#writer.end(error)]));
    // The client may still send; when it has nothing more to say, or resets the stream, the connection ends.
    if (!pod || pod.destroyed) this.#connections.delete(data!);
    else pod.once('close', () => this.#connections.delete(data!));
  }

  /** A client that has left is not told. */
  async #tell(frames: Buffer): Promise<void> {
    if (!this.#socket.closed.aborted) await this.#socket.send(frames).catch(() => undefined);
  }
}
