import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { threadCpuTime } from './cpu-time.ts';
import {
  CELL_ATTACHED,
  CELL_BOOT,
  CELL_HEAP,
  CELL_PAGES,
  CELL_STDIN,
  CELL_THREAD,
  CELL_UNREAD,
  CELLS,
  type FromGuest,
  type GuestExit,
  type GuestSpec,
  type ToGuest,
} from './messages.ts';

const PAGE = 65_536;

/** Takes a piece of output; the guest waits when what all of them have not taken is too much. Must not reject. */
export type Output = (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void | Promise<void>;

/** The kernel's side of one guest's worker thread. One guest, one life: started once, never reused. */
export class GuestWorker {
  /** How it ended; never rejects. Also when the thread died without a word. */
  readonly ended: Promise<GuestExit>;
  readonly #worker: Worker;
  readonly #shared = new SharedArrayBuffer(4 * CELLS);
  readonly #cells = new Int32Array(this.#shared);
  readonly #outputs = new Set<Output>();
  /** Messages of standard input the guest has not taken yet, oldest first. */
  readonly #unread: (() => void)[] = [];
  readonly #requests = new Map<number, (status: number) => void>();
  #nextRequest = 0;
  #end!: (exit: GuestExit) => void;
  #started: (() => void) | undefined;
  #stdin: MessagePort | undefined;

  /** Boots a thread that waits for `start`. */
  constructor() {
    // The guest's environment is its spec's; nothing of this process reaches it.
    this.#worker = new Worker(new URL('./guest/main.js', import.meta.url), { env: {} });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#worker.on('message', (message: FromGuest) => this.#receive(message));
    this.#worker.on('error', (error) => this.#end({ exitCode: 1, reason: 'Error', message: error.message }));
    this.#worker.on('exit', () =>
      this.#end({ exitCode: 137, reason: 'Error', message: 'the worker thread was terminated' }),
    );
    void this.ended.then(() => {
      this.#stdin?.close();
      for (const read of this.#unread.splice(0)) read();
      return this.#worker.terminate();
    });
    // Only a guest that runs keeps the process alive; what waits in reserve does not.
    this.#worker.unref();
  }

  /** Resolves when an HTTP guest listens or a command runs, or when it ended before that: see `ended`. */
  async start(spec: Omit<GuestSpec, 'shared'>): Promise<void> {
    this.#worker.ref();
    const started = new Promise<void>((resolve) => {
      this.#started = resolve;
    });
    const message: ToGuest = { type: 'start', spec: { ...spec, shared: this.#shared } };
    if (spec.stdin) {
      const { port1, port2 } = new MessageChannel();
      this.#stdin = port1;
      port1.unref();
      this.#worker.postMessage({ ...message, stdin: port2 }, [port2]);
    } else {
      this.#worker.postMessage(message);
    }
    await Promise.race([started, this.ended]);
  }

  /** Asks an HTTP guest to answer what it has and end; kills it after `seconds`. */
  async stop(seconds: number): Promise<GuestExit> {
    this.#post({ type: 'stop' });
    const timer = setTimeout(() => this.kill(137, `killed after ${seconds} s of grace`), seconds * 1000);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the thread now, whatever it does. `exitCode` is 128 + the signal this stands for. */
  kill(exitCode: number, message: string): void {
    this.#end({ exitCode, reason: 'Error', message });
  }

  /** The guest's HTTP status for a GET that skips the network. Rejects after `timeout` seconds. */
  request(path: string, headers: [string, string][], timeout: number): Promise<number> {
    const id = this.#nextRequest++;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#requests.delete(id);
        act();
      };
      const timer = setTimeout(
        () => settle(() => reject(new Error(`no answer within ${timeout} s`))),
        timeout * 1000,
      );
      this.#requests.set(id, (status) => settle(() => resolve(status)));
      void this.ended.then(() => settle(() => reject(new Error('the container is not running'))));
      this.#post({ type: 'request', id, path, headers });
    });
  }

  /** Standard input; `null` ends it. Bytes are copied. Resolves when the guest has taken them, or has ended. */
  async input(bytes: Uint8Array | null): Promise<void> {
    if (this.#stdin === undefined) return;
    const read = new Promise<void>((resolve) => {
      this.#unread.push(resolve);
    });
    this.#stdin.postMessage(bytes);
    Atomics.add(this.#cells, CELL_STDIN, 1);
    Atomics.notify(this.#cells, CELL_STDIN);
    await Promise.race([read, this.ended]);
  }

  /** Gives all further output to `output` too; the returned function ends that. */
  attach(output: Output): () => void {
    this.#outputs.add(output);
    Atomics.add(this.#cells, CELL_ATTACHED, 1);
    return () => {
      if (this.#outputs.delete(output)) Atomics.sub(this.#cells, CELL_ATTACHED, 1);
    };
  }

  /** Bytes of its memories and its thread's heap, when it last said so. */
  get memory(): number {
    return Atomics.load(this.#cells, CELL_PAGES) * PAGE + Atomics.load(this.#cells, CELL_HEAP) * 1024;
  }

  /**
   * Nanoseconds of CPU its guest has used. Where the system does not say, the time its event loop was not idle, in which a guest that
   * waits counts as busy.
   */
  get cpuTime(): number {
    const used = threadCpuTime(Atomics.load(this.#cells, CELL_THREAD));
    if (used === undefined) return Math.round(this.#worker.performance.eventLoopUtilization().active * 1e6);
    return Math.max(used - Atomics.load(this.#cells, CELL_BOOT) * 1000, 0);
  }

  #post(message: ToGuest): void {
    this.#worker.postMessage(message);
  }

  async #give(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> {
    await Promise.all([...this.#outputs].map(async (output) => output(stream, bytes)));
    Atomics.sub(this.#cells, CELL_UNREAD, bytes.length);
    Atomics.notify(this.#cells, CELL_UNREAD);
  }

  #receive(message: FromGuest): void {
    if (message.type === 'started') this.#started?.();
    else if (message.type === 'exited') this.#end(message.exit);
    else if (message.type === 'output') void this.#give(message.stream, message.bytes);
    else if (message.type === 'read') this.#unread.shift()?.();
    else if (message.type === 'response') this.#requests.get(message.id)?.(message.status);
  }
}

/** Keeps one booted thread in reserve: booting takes 60 to 130 ms, starting a guest in a booted one a few. */
export class GuestWorkers {
  #spare: GuestWorker | undefined;
  #closed = false;

  /** Boots the reserve, in the background. */
  warm(): void {
    if (!this.#closed) this.#spare ??= new GuestWorker();
  }

  take(): GuestWorker {
    const worker = this.#spare ?? new GuestWorker();
    this.#spare = undefined;
    // After the caller's own start, so that the boot does not compete with it.
    setTimeout(() => this.warm(), 50).unref();
    return worker;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#spare?.kill(137, 'closed');
    await this.#spare?.ended;
  }
}
