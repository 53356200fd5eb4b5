import { Worker } from 'node:worker_threads';
import { type Logger, StatusError } from '../contract/index.ts';
import { explain } from './declaration.ts';
import {
  type Change,
  type FromThread,
  type Outcome,
  outcomeOf,
  type ThreadData,
  type ToThread,
} from './messages.ts';
import type { Enter, Passed, PluginStatus } from './status.ts';

/** Pings in a row a thread may leave unanswered. */
const MISSED = 3;
const MIB = 2 ** 20;

export interface ThreadOptions {
  data: ThreadData;
  /** Bytes its heap and buffers may take. V8 keeps to the heap's as it was at the start; buffers are looked at with each ping. */
  limit(): number | undefined;
  log: Logger;
  status(status: PluginStatus): void;
  /** Called once, when it has ended though nobody stopped it. */
  died(why: string): void;
}

/** One worker thread from its start to its end: watched over, and terminated when it does not answer or takes too much memory. */
export class ThreadHandle {
  /** Resolves when its plugins have started, or it has ended. */
  readonly started: Promise<void>;
  readonly #o: ThreadOptions;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #answers = new Map<number, (outcome: Outcome) => void>();
  /** By change, what makes the successor enter, once. */
  readonly #leaving = new Map<number, (passed: Passed | undefined) => Promise<Outcome>>();
  #lastId = 0;
  #unanswered = 0;
  #timer: NodeJS.Timeout;
  /** Why it ends. */
  #why: string | undefined;
  #stopping = false;
  #hasStarted: () => void = () => {};

  constructor(o: ThreadOptions) {
    this.#o = o;
    const { worker: name, timing } = o.data;
    const file = import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js';
    const limit = o.limit();
    const resourceLimits = limit === undefined ? {} : { maxOldGenerationSizeMb: Math.ceil(limit / MIB) };
    this.#worker = new Worker(new URL(file, import.meta.url), { name, workerData: o.data, resourceLimits });
    this.#worker.on('message', (message: FromThread) => this.#receive(message));
    this.#worker.on('error', (error: NodeJS.ErrnoException) => {
      const isFull = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      this.#why ??= isFull ? outOfMemory(limit) : explain(error);
    });
    this.started = new Promise((resolve) => (this.#hasStarted = resolve));
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve(this.#end())));
    const late = (): void => this.#terminate(`it did not start within ${timing.start} ms`);
    this.#timer = setTimeout(late, timing.start).unref();
  }

  /** Throws `StatusError`: the thread's refusal, or `ServiceUnavailable` when it ends meanwhile. */
  async change(change: Change, enter?: Enter): Promise<readonly string[]> {
    const id = ++this.#lastId;
    const answer = new Promise<Outcome>((resolve) => this.#answers.set(id, resolve));
    if (enter) {
      let entered: Promise<Outcome> | undefined;
      this.#leaving.set(id, (passed) => (entered ??= outcomeOf(() => enter(passed))));
    }
    this.#send({ type: 'change', id, change });
    const outcome = await answer;
    this.#answers.delete(id);
    this.#leaving.delete(id);
    if ('error' in outcome) throw StatusError.fromStatus(outcome.error);
    return outcome.serves;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#send({ type: 'stop' });
    const limit = setTimeout(() => void this.#worker.terminate(), this.#o.data.timing.stop).unref();
    await this.#exited;
    clearTimeout(limit);
  }

  #send(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromThread): void {
    switch (message.type) {
      case 'pong': {
        this.#unanswered = 0;
        const limit = this.#o.limit();
        if (limit !== undefined && message.bytes > limit) this.#terminate(outOfMemory(limit));
        return;
      }
      case 'log':
        this.#o.log[message.level](message.message, message.fields);
        return;
      case 'started':
        clearTimeout(this.#timer);
        if (message.error) {
          this.#terminate(message.error.message ?? 'it could not start');
          return;
        }
        this.#timer = setInterval(() => this.#ping(), this.#o.data.timing.health).unref();
        this.#hasStarted();
        return;
      case 'changed':
        this.#answers.get(message.id)?.(message.outcome);
        return;
      case 'left': {
        const { id, passed } = message;
        const entered = this.#leaving.get(id)!(passed);
        void entered.then((outcome) => this.#send({ type: 'entered', id, outcome }));
        return;
      }
      case 'status':
        for (const status of message.plugins) this.#o.status(status);
    }
  }

  #ping(): void {
    if (this.#unanswered >= MISSED) this.#terminate('it did not answer');
    this.#unanswered += 1;
    this.#send({ type: 'ping' });
  }

  #terminate(why: string): void {
    this.#why ??= why;
    void this.#worker.terminate();
  }

  #end(): void {
    clearInterval(this.#timer);
    const { data, died } = this.#o;
    const why = this.#why ?? 'it ended';
    if (!this.#stopping) died(why);
    const error = new StatusError('ServiceUnavailable', `worker "${data.worker}" died: ${why}`).toStatus();
    for (const [id, answer] of this.#answers) {
      // One that was to leave is left: its successor is at it, or enters with nothing.
      const entered = this.#stopping ? undefined : this.#leaving.get(id)?.(undefined);
      if (entered) void entered.then(answer);
      else answer({ error });
    }
    this.#hasStarted();
  }
}

function outOfMemory(limit: number | undefined): string {
  return `out of memory${limit === undefined ? '' : `: its limit is ${Math.ceil(limit / MIB)}Mi`}`;
}
