/** The worker thread of one container. Booted ahead of time, it waits for `start`. */
import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { nativeThread, threadCpuTime } from '../cpu-time.ts';
import {
  CELL_ATTACHED,
  CELL_BOOT,
  CELL_STDIN,
  CELL_THREAD,
  CELL_UNREAD,
  type FromGuest,
  type GuestExit,
  type GuestSpec,
  MOST_UNREAD,
  type ToGuest,
} from '../messages.ts';
import { GuestServer } from './http-server.ts';
import { type Component, describe, GuestInstance, type Write } from './instance.ts';
import { LogWriter } from './log-writer.ts';
import { warmHttp } from './warm.ts';
import { CLOSED, InputStream } from './wasi/io.ts';

const port = parentPort;
if (port === null) throw new Error('main.js is the program of a worker thread');
let server: GuestServer | undefined;

port.on('message', (message: ToGuest) => {
  receive(message).catch((error: unknown) =>
    post({ type: 'exited', exit: { exitCode: 1, reason: 'Error', message: describe(error) } }),
  );
});
await warmHttp();

function post(message: FromGuest): void {
  port!.postMessage(message);
}

async function receive(message: ToGuest): Promise<void> {
  if (message.type === 'start') return start(message.spec, message.stdin);
  if (message.type === 'stop') {
    await server?.stop();
    post({ type: 'exited', exit: { exitCode: 0, reason: 'Completed' } });
    return;
  }
  const { status } = server!.handle({
    method: 'GET',
    url: message.path,
    rawHeaders: message.headers.flat(),
    body: new Uint8Array(),
  });
  post({ type: 'response', id: message.id, status });
}

async function start(spec: GuestSpec, stdin: MessagePort | undefined): Promise<void> {
  const write = output(spec);
  identify(new Int32Array(spec.shared));
  try {
    const component: Component = await import(spec.script);
    if (spec.kind === 'http') {
      server = new GuestServer(component, spec, write);
      await server.listen(spec.listen!);
      post({ type: 'started' });
    } else {
      run(component, spec, write, stdin);
    }
  } catch (error) {
    write('stderr', Buffer.from(`orlop: ${describe(error)}\n`));
    throw error;
  }
}

/** Says which thread this is: what it uses is measured from outside, since a guest that computes answers nothing. */
function identify(cells: Int32Array): void {
  const thread = nativeThread();
  Atomics.store(cells, CELL_BOOT, (threadCpuTime(thread) ?? 0) / 1000);
  Atomics.store(cells, CELL_THREAD, thread);
}

function run(component: Component, spec: GuestSpec, write: Write, stdin: MessagePort | undefined): void {
  const source = stdin === undefined ? undefined : stdinOf(stdin, new Int32Array(spec.shared));
  const instance = new GuestInstance(component, spec, write, source);
  post({ type: 'started' });
  try {
    (instance.exports[spec.exportName] as { run(): void }).run();
    post({ type: 'exited', exit: { exitCode: 0, reason: 'Completed' } });
  } catch (error) {
    // `run` returned its `err` case: jco throws an error that carries a payload.
    const failed = error instanceof Error && 'payload' in error;
    const exit: GuestExit = failed ? { exitCode: 1, reason: 'Error' } : instance.ending(error);
    if (exit.message !== undefined) write('stderr', Buffer.from(`orlop: ${exit.message}\n`));
    post({ type: 'exited', exit });
  } finally {
    instance.measure();
  }
}

function output(spec: GuestSpec): Write {
  const cells = new Int32Array(spec.shared);
  const tell: Write = (stream, bytes) => {
    post({ type: 'output', stream, bytes: bytes.slice() });
    Atomics.add(cells, CELL_UNREAD, bytes.length);
    for (;;) {
      const unread = Atomics.load(cells, CELL_UNREAD);
      if (unread <= MOST_UNREAD) return;
      Atomics.wait(cells, CELL_UNREAD, unread);
    }
  };
  if (spec.logFile === undefined) return tell;
  const log = new LogWriter(spec.logFile);
  return (stream, bytes) => {
    log.write(stream, bytes);
    if (Atomics.load(cells, CELL_ATTACHED) > 0) tell(stream, bytes);
  };
}

/** Standard input as messages: bytes, or `null` for its end. A read with nothing there blocks this thread until there is. */
function stdinOf(messages: MessagePort, cells: Int32Array): InputStream {
  let pending: Uint8Array = new Uint8Array();
  let ended = false;
  return new InputStream((length) => {
    while (pending.length === 0) {
      if (ended) throw CLOSED;
      const seen = Atomics.load(cells, CELL_STDIN);
      const received = receiveMessageOnPort(messages) as { message: Uint8Array | null } | undefined;
      if (received === undefined) {
        Atomics.wait(cells, CELL_STDIN, seen);
        continue;
      }
      post({ type: 'read' });
      if (received.message === null) ended = true;
      else pending = received.message;
    }
    const part = pending.subarray(0, length);
    pending = pending.subarray(part.length);
    return part;
  });
}
