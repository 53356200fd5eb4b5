import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Json, parseQuantity, StatusError } from 'orlop/plugin';
import { LineReader } from './lines.ts';
import { limitMemory } from './memory.ts';
import {
  answer,
  type JsonObject,
  type Message,
  messageProblem,
  notification,
  request,
  resultOf,
} from './messages.ts';
import { LOG_BURST, LOG_RATE, Pace } from './pace.ts';
import type { Peer, PeerOptions } from './peer.ts';

export interface ChildOptions extends PeerOptions {
  command: readonly string[];
  cwd: string;
  env: Record<string, string>;
  /** A Kubernetes quantity: it, and what it has started, is killed when it takes more. */
  memory?: string | undefined;
}

/** Milliseconds for each step of the way out: the answer to `shutdown`, the end after it, the end after SIGTERM. */
const GRACE_MS = 1_000;
/** Bytes a request takes beyond its text, about. */
const OVERHEAD = 512;
/** Bytes of a line of standard error that go to the log. */
const LOG_LINE = 4_096;

/** A plugin in a child process: one JSON-RPC message per line on its standard input and output; standard error is its log. */
export class ChildPeer implements Peer {
  readonly failed: Promise<Error>;
  readonly #o: ChildOptions;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #pending = new Map<number, (response: Message | Error) => void>();
  readonly #exited: Promise<void>;
  #fail!: (error: Error) => void;
  /** Why it takes no more calls. */
  #over: Error | undefined;
  #isGone = false;
  #id = 0;
  #serving = 0;
  /** Its requests that are not being served yet, and their bytes. */
  readonly #waiting: { message: Message; bytes: number }[] = [];
  #waitingBytes = 0;
  #idle: (() => void) | undefined;
  #lastWords = '';

  constructor(o: ChildOptions) {
    this.#o = o;
    this.failed = new Promise((resolve) => (this.#fail = resolve));
    const [file, ...args] = o.command;
    // A group of its own: Ctrl-C at the kernel is not for it, and what it has started ends with it.
    const child = spawn(file!, args, { cwd: o.cwd, env: o.env, detached: true });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    child.once('error', (error) =>
      this.#end(`cannot run ${JSON.stringify(file)}: ${error.message}; install it, or name another command`),
    );
    const { memory } = o;
    const watch =
      memory === undefined || child.pid === undefined
        ? undefined
        : limitMemory(child.pid, parseQuantity(memory)!, () => {
            this.#end(`out of memory: its limit is ${memory}`);
            this.#kill('SIGKILL');
          });
    child.once('exit', (code, signal) => {
      watch?.close();
      // What it has started and left behind; later the number may be another's.
      this.#kill('SIGKILL');
      this.#isGone = true;
      const end = (): void =>
        this.#end(`its process ended: ${signal ?? `exit code ${code}`}${this.#lastWords}`);
      // What it said last is still in the pipes, which somebody beyond its group might hold open.
      child.once('close', end);
      setTimeout(end, GRACE_MS).unref();
    });
    // A child that is gone is told of by its exit.
    child.stdin.on('error', () => undefined);
    child.stdin.on('drain', () => this.#readOn());
    this.#read(child);
  }

  async call(method: string, params: JsonObject, ms = this.#o.limits.call): Promise<Json> {
    if (this.#over) throw this.#over;
    const { limits } = this.#o;
    if (this.#pending.size >= limits.calls || this.#isBehind())
      throw this.#error('TooManyRequests', `it does not answer what it was asked; ${method} was not sent`);
    const id = ++this.#id;
    const text = this.#text(request(id, method, params), method);
    const response = await new Promise<Message | Error>((resolve) => {
      const settle = (response: Message | Error): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        if (this.#pending.size === 0) this.#idle?.();
        resolve(response);
      };
      const late = (): void => settle(this.#error('Timeout', `${method} took longer than ${ms} ms`));
      const timer = setTimeout(late, ms);
      this.#pending.set(id, settle);
      this.#child.stdin.write(text);
    });
    if (response instanceof Error) throw response;
    return resultOf(response, this.#o.label);
  }

  notify(method: string, params: JsonObject, always = false): boolean {
    if (this.#over || (this.#isBehind() && !always)) return false;
    this.#child.stdin.write(this.#text(notification(method, params), method));
    return true;
  }

  async close(): Promise<void> {
    if (!this.#over) {
      // What it was asked before it may finish.
      if (this.#pending.size > 0)
        await within(GRACE_MS, new Promise<void>((resolve) => (this.#idle = resolve)));
      await this.call('shutdown', {}, GRACE_MS).catch((error: unknown) =>
        this.#o.log.warn('did not shut down when asked', { error: String(error) }),
      );
      this.#over ??= this.#error('ServiceUnavailable', 'it was stopped');
    }
    this.#child.stdin.end();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (await within(GRACE_MS, this.#exited)) break;
      this.#kill(signal);
    }
    this.#settleAll(this.#over!);
  }

  #read(child: ChildProcessWithoutNullStreams): void {
    const { limits } = this.#o;
    const lines = new LineReader(limits.message);
    child.stdout.on('data', (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) if (line !== '') this.#receive(line);
        this.#readOn();
      } catch (error) {
        this.#end(`sent ${(error as Error).message}`);
      }
    });
    // Where it is about to exit, that says more.
    child.stdout.once('end', () =>
      setTimeout(() => this.#end('closed its standard output'), GRACE_MS).unref(),
    );
    this.#readLog(child);
  }

  #readLog({ stderr }: ChildProcessWithoutNullStreams): void {
    const { log, limits } = this.#o;
    let lines = new LineReader(limits.message);
    const pace = new Pace(LOG_RATE, LOG_BURST);
    let timer: NodeJS.Timeout | undefined;
    let isHeldUp = false;
    stderr.on('data', (chunk: Buffer) => {
      let wait = 0;
      try {
        const said = lines.push(chunk);
        for (const line of said) this.#logLine(line);
        wait = pace.wait(said.length, performance.now());
      } catch (error) {
        lines = new LineReader(limits.message);
        log.warn(`wrote ${(error as Error).message} to standard error, which is dropped`);
      }
      if (wait === 0 || this.#isGone) return;
      if (!isHeldUp) log.warn(`is held up: it writes over ${LOG_RATE} lines a second to standard error`);
      isHeldUp = true;
      stderr.pause();
      timer = setTimeout(() => stderr.resume(), wait).unref();
    });
    void this.#exited.then(() => {
      clearTimeout(timer);
      stderr.resume();
    });
  }

  #logLine(line: string): void {
    if (line.trim() === '') return;
    const text = line.slice(0, LOG_LINE);
    this.#lastWords = `; it said last: ${text.trim()}`;
    this.#o.log.info(text);
  }

  #receive(line: string): void {
    if (this.#over) return;
    let message: Message;
    try {
      message = JSON.parse(line) as Message;
    } catch {
      this.#end(
        `sent a line that is not JSON: ${JSON.stringify(line.slice(0, 80))}; standard output is for the protocol, print to standard error`,
      );
      return;
    }
    const problem = messageProblem(message);
    if (problem !== undefined) this.#end(`sent a message that ${problem}: ${line.slice(0, 80)}`);
    else if (message.method === undefined) this.#settle(message);
    else {
      const bytes = line.length + OVERHEAD;
      this.#waiting.push({ message, bytes });
      this.#waitingBytes += bytes;
    }
  }

  #settle(response: Message): void {
    const id = response.id as number;
    if (id < 1 || id > this.#id) this.#end(`sent an answer to request ${id}, which there was not`);
    // Else it is late: whoever asked has gone on.
    else this.#pending.get(id)?.(response);
  }

  async #serve(message: Message): Promise<void> {
    this.#serving += 1;
    const response = await answer(message, this.#o.serve);
    if (message.id !== undefined && !this.#over) this.#child.stdin.write(this.#responseText(response));
    else if (response.error) this.#o.log.warn(`sent ${message.method}, which failed`, { ...response.error });
    // What is refused at once would otherwise keep the thread until all that waits has been.
    await nextTurn();
    this.#serving -= 1;
    this.#readOn();
  }

  #responseText(response: Message): string {
    try {
      return this.#text(response, 'the answer');
    } catch (error) {
      return this.#text({ jsonrpc: '2.0', id: response.id!, error: tooLarge(error) }, 'the answer');
    }
  }

  /** Serves some of its requests at a time, none while it does not read the answers; reads on while few wait. */
  #readOn(): void {
    while (this.#waiting.length > 0 && this.#serving < this.#o.limits.requests && !this.#isBehind()) {
      const { message, bytes } = this.#waiting.shift()!;
      this.#waitingBytes -= bytes;
      void this.#serve(message);
    }
    if (this.#waitingBytes > this.#o.limits.unread || this.#isBehind()) this.#child.stdout.pause();
    else this.#child.stdout.resume();
  }

  #isBehind(): boolean {
    return this.#child.stdin.writableLength > this.#o.limits.unread;
  }

  #text(message: Message, what: string): string {
    const text = `${JSON.stringify(message)}\n`;
    if (Buffer.byteLength(text) <= this.#o.limits.message) return text;
    throw this.#error(
      'RequestEntityTooLarge',
      `${what} is over ${this.#o.limits.message} bytes; ask for less`,
    );
  }

  /** It is gone, or out of order and made to go. */
  #end(why: string): void {
    if (this.#over) return;
    this.#over = this.#error('ServiceUnavailable', why);
    this.#kill('SIGKILL');
    this.#settleAll(this.#over);
    this.#fail(this.#over);
  }

  #settleAll(error: Error): void {
    for (const settle of this.#pending.values()) settle(error);
  }

  /** The whole group. */
  #kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#isGone) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Nobody is left.
    }
  }

  #error(reason: StatusError['reason'], message: string): StatusError {
    return new StatusError(reason, `${this.#o.label}: ${message}`);
  }
}

/** False: it has not come to pass in that time. */
async function within(ms: number, event: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  const happened = await Promise.race([event.then(() => true), late]);
  clearTimeout(timer);
  return happened;
}

function tooLarge(error: unknown): Message['error'] {
  return { code: -32000, message: (error as Error).message, data: { reason: 'RequestEntityTooLarge' } };
}
