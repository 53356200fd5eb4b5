import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Logger, StatusError } from 'orlop/plugin';
import { LOOPBACK, type ServerOptions, storeDir, writeConfig } from './config.ts';
import { diskTrouble } from './disk.ts';
import { stopOrphan } from './orphan.ts';
import { ailment, freePorts, greets } from './probe.ts';
import { Staging } from './staging.ts';

const READY_MS = 60_000;
const STOP_MS = 10_000;
const RESTART_MS = { first: 20, most: 500, calmAfter: 10_000 };
const CHECK_MS = 2_000;
const REVIVE_MS = { first: 5_000, most: 300_000 };
/** What nats-server says of itself when a write to its disk failed. */
const CANNOT_WRITE = /write error|no space|out of resources|read-only|quota/i;

export interface SupervisorOptions extends ServerOptions {
  binary: string;
  log: Logger;
}

/** One embedded nats-server: started, watched, restarted on the same port when it dies, stopped. */
export class Supervisor {
  readonly #o: SupervisorOptions;
  /** What the server stages of atomic batches. */
  readonly staging: Staging;
  readonly #stopping = new AbortController();
  #config = '';
  #child: ChildProcess | undefined;
  #watching: Promise<unknown> | undefined;
  /** Why the server cannot write, while it cannot. */
  trouble: string | undefined;
  port = 0;
  #monitorPort = 0;

  constructor(o: SupervisorOptions) {
    this.#o = o;
    this.staging = new Staging(storeDir(o.folder), o.log);
  }

  get #pidFile(): string {
    return join(this.#o.folder, 'nats-server.pid');
  }

  get #logFile(): string {
    return join(this.#o.folder, 'nats-server.log');
  }

  /** Where this process reaches it. */
  get host(): string {
    const { host } = this.#o.listen;
    return ['0.0.0.0', '::'].includes(host) ? LOOPBACK : host;
  }

  /** The process id, for tests that kill it. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    if (await stopOrphan(this.#pidFile, join(this.#o.folder, 'nats-server.conf')))
      this.#o.log.info('stopped the nats-server of a kernel that had been killed');
    rmSync(this.#logFile, { force: true });
    const { host, port: fixed } = this.#o.listen;
    await freePorts(host, 1, fixed).catch((error: Error) => {
      const text = `nats-server has no port: ${error.message}. Free it, or choose another.`;
      throw new StatusError('ServiceUnavailable', text);
    });
    for (let attempt = 1; ; attempt++) {
      const [port, monitorPort] = (await freePorts(LOOPBACK, 2)) as [number, number];
      this.port = fixed || port;
      this.#monitorPort = monitorPort;
      this.#config = writeConfig(this.#o, this.port, monitorPort);
      try {
        await this.#spawn();
        break;
      } catch (error) {
        // Somebody may take a free port before the server does.
        if (attempt === 3) throw error;
      }
    }
    this.#watching = Promise.all([this.#watch(), this.#revive()]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGINT');
      const killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await once(child, 'exit');
      clearTimeout(killer);
    }
    await this.#watching;
    this.staging.clear();
    rmSync(this.#pidFile, { force: true });
  }

  async #spawn(): Promise<void> {
    this.staging.clear();
    const log = openSync(this.#logFile, 'a', 0o600);
    // In a process group of its own: a Ctrl-C is for the kernel, which stops the server last.
    const child = spawn(this.#o.binary, ['-c', this.#config], {
      stdio: ['ignore', log, log],
      detached: true,
      // After a load it held 93 MiB instead of 66, for no speed (`bench api`).
      env: { GOGC: '50', ...process.env },
    });
    closeSync(log);
    this.#child = child;
    // A process that ends without stopping in order takes the server along.
    const takeAlong = (): boolean => child.kill('SIGTERM');
    process.once('exit', takeAlong);
    child.once('exit', () => process.off('exit', takeAlong));
    const failed = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `exit code ${code}`}`));
    });
    if (child.pid !== undefined) writeFileSync(this.#pidFile, String(child.pid));
    const giveUp = new AbortController();
    const ready = this.#ready(giveUp.signal);
    const outcome = await Promise.race([failed, ready]);
    giveUp.abort();
    await ready;
    if (outcome === undefined) return this.staging.link();
    child.kill('SIGKILL');
    const text = `nats-server did not start: ${outcome}. The end of ${this.#logFile}:\n${this.#logTail()}`;
    throw new StatusError('ServiceUnavailable', text);
  }

  /** `undefined` when it serves. */
  async #ready(signal: AbortSignal): Promise<string | undefined> {
    const deadline = Date.now() + READY_MS;
    let pause = 2;
    while (!signal.aborted) {
      if ((await greets(this.host, this.port)) && (await ailment(LOOPBACK, this.#monitorPort)) === undefined)
        return undefined;
      if (Date.now() > deadline) return `it was not healthy after ${READY_MS / 1000} s`;
      await sleep(pause);
      pause = Math.min(pause * 1.5, 50);
    }
    return undefined;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    let pause = RESTART_MS.first;
    while (!signal.aborted) {
      const child = this.#child!;
      const since = Date.now();
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
        await once(child, 'exit');
      if (signal.aborted) return;
      if (Date.now() - since > RESTART_MS.calmAfter) pause = RESTART_MS.first;
      this.#o.log.warn('nats-server ended; starting it again', {
        ...(this.#o.place && { server: this.#o.place.name }),
        pid: child.pid,
        ending: child.signalCode ?? child.exitCode,
      });
      await sleep(pause, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      pause = Math.min(pause * 2, RESTART_MS.most);
      await this.#spawn().catch((error: Error) => this.#o.log.error(error.message));
    }
  }

  /** A server whose write failed writes no more, also when there is room again: until it is started again. */
  async #revive(): Promise<void> {
    const { signal } = this.#stopping;
    let pause = REVIVE_MS.first;
    let next = 0;
    for (;;) {
      await sleep(CHECK_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const why = (await ailment(LOOPBACK, this.#monitorPort)) ?? '';
      const before = this.trouble;
      this.trouble = CANNOT_WRITE.test(why) ? await diskTrouble(this.#o.folder) : undefined;
      if (this.trouble !== undefined) {
        if (before === undefined) this.#o.log.error(`nats-server cannot write: ${this.trouble}`, { why });
      } else if (CANNOT_WRITE.test(why) && performance.now() > next && !signal.aborted) {
        const text = 'nats-server could not write, and there is room now: stopping it to start it again';
        this.#o.log.warn(text, { why });
        next = performance.now() + pause;
        pause = Math.min(pause * 2, REVIVE_MS.most);
        this.#child?.kill('SIGINT');
      } else if (performance.now() > next + REVIVE_MS.most) pause = REVIVE_MS.first;
    }
  }

  #logTail(): string {
    return readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
  }
}
