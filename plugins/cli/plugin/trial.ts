import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { StatusError } from 'orlop/plugin';
import { Progress } from './progress.ts';
import { makeTrialFolder, removeTrialFolder } from './trialfolder.ts';
import type { Told } from './trialprocess.ts';

const PROCESS = fileURLToPath(new URL('./trialprocess.js', import.meta.url));
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Milliseconds in which a process that is told to end does. */
const END_MS = 2_000;

/**
 * `orlop plugin test`: runs the plugin and its suite in a process of their own, and ends that when nothing has come of it for `seconds`.
 * Resolves with the exit code, when all of it is gone.
 */
export async function tryPlugin(path: string, seconds: number): Promise<number> {
  const folder = await makeTrialFolder();
  const child = spawn(process.execPath, [...process.execArgv, PROCESS, path, folder, String(seconds)], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    // A group of its own, that ends with what it started.
    detached: true,
  });
  try {
    return await new Trial(child, seconds).outcome();
  } finally {
    end(child, 'SIGKILL');
    await removeTrialFolder(folder);
  }
}

class Trial {
  readonly #child: ChildProcess;
  readonly #seconds: number;
  readonly #progress = new Progress();
  readonly #uncaught = new Set<string>();
  #stuck = '';
  #refused: Told['refused'];
  #verdict: number | undefined;
  /** Seconds since anything was told, first that the process is up: not by the clock, which goes on while this process is stopped. */
  #quiet = Number.NEGATIVE_INFINITY;

  constructor(child: ChildProcess, seconds: number) {
    this.#child = child;
    this.#seconds = seconds;
  }

  async outcome(): Promise<number> {
    const told = createInterface({ input: this.#child.stdio[3] as Readable });
    told.on('line', (line) => this.#heard(JSON.parse(line) as Told));
    let signal: NodeJS.Signals | undefined;
    const interrupted = (name: NodeJS.Signals): void => {
      signal = name;
      end(this.#child, 'SIGTERM');
      setTimeout(() => end(this.#child, 'SIGKILL'), END_MS).unref();
    };
    for (const each of SIGNALS) process.on(each, interrupted);
    const watch = setInterval(() => this.#watch(), 1_000);
    try {
      const [code, by] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals | null];
      if (signal !== undefined) return 128 + constants.signals[signal];
      if (this.#refused) throw refusal(this.#refused);
      if (this.#verdict !== undefined) return this.#verdict;
      return this.#fail(`ended the process, by ${by ?? `exit code ${code}`}, ${this.#progress.place()}`);
    } finally {
      clearInterval(watch);
      for (const each of SIGNALS) process.off(each, interrupted);
    }
  }

  #heard({ line, uncaught, stuck, verdict, refused }: Told): void {
    if (line !== undefined) this.#progress.heard(line);
    if (line !== undefined || this.#quiet < 0) this.#quiet = 0;
    if (uncaught !== undefined) this.#uncaught.add(uncaught);
    if (stuck !== undefined) this.#stuck = stuck;
    this.#refused ??= refused;
    this.#verdict ??= verdict;
  }

  #watch(): void {
    this.#quiet += 1;
    if (this.#quiet <= this.#seconds) return;
    // Where it has one, it does not end for what it does at its exit.
    this.#verdict ??= this.#endless();
    end(this.#child, 'SIGKILL');
  }

  #endless(): number {
    const why =
      this.#stuck === ''
        ? 'its event loop is free: look for a promise that is never settled, or a call that is never answered'
        : `its event loop is blocked, ${this.#stuck}: look for a loop without an end, or a call that waits for what cannot come meanwhile`;
    return this.#fail(
      `comes to no end: nothing for ${this.#seconds} s ${this.#progress.place()}`,
      why,
      'if it only takes its time, give it more with --timeout',
    );
  }

  #fail(what: string, ...hints: string[]): number {
    const thrown = [...this.#uncaught].map((each) => `nobody caught: ${each}`);
    const text = [`  FAILED it ${what}`, ...[...thrown, ...hints].map((each) => `         ${each}`)];
    console.log(`${text.join('\n')}\n\n${this.#progress.failed + 1} failed.`);
    return 1;
  }
}

function refusal({ reason, message }: NonNullable<Told['refused']>): Error {
  return reason === undefined ? new Error(message) : new StatusError(reason, message);
}

/** With all of its group. */
function end({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
