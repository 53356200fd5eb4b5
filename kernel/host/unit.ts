import { isolationText, type PluginPhase, requirementsOf, StatusError } from '../contract/index.ts';
import type { LoadedPlugin } from './declaration.ts';
import { Listeners } from './listeners.ts';
import { Run, Skipped, type Surroundings } from './run.ts';
import { Serving } from './serving.ts';
import type { Enter, Managed, Passed, PluginStatus } from './status.ts';

/** Unhealthy checks in a row after which an instance is restarted. */
const UNHEALTHY = 3;

/** Failed attempts in a row to start a `required` plugin after which the kernel cannot go on. */
const FATAL = 5;

/** One plugin of this thread and its present instance: started, watched over, restarted, swapped, stopped; one thing at a time. */
export class Unit implements Managed {
  readonly name: string;
  plugin: LoadedPlugin;
  readonly #around: Surroundings;
  readonly #listeners: Listeners;
  readonly #changed: () => void;
  #phase: PluginPhase = 'Pending';
  #message: string | undefined;
  #healthy = false;
  #revision: number;
  /** Whether it is meant to run here, now. */
  #wanted = false;
  #run: Run | undefined;
  #starting: Run | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #unhealthy = 0;
  #restarts = 0;
  #runningSince = 0;
  /** Times it was started again, in all. */
  #restarted = 0;
  #lastError: string | undefined;

  /** `revision`: how many instances it has had before. */
  constructor(
    name: string,
    plugin: LoadedPlugin,
    revision: number,
    around: Surroundings,
    changed: () => void,
  ) {
    this.#revision = revision;
    this.name = name;
    this.plugin = plugin;
    this.#around = around;
    this.#changed = changed;
    this.#listeners = new Listeners(this.name);
  }

  status(): PluginStatus {
    const { kind, version, description, required = false } = this.plugin.declaration;
    return {
      name: this.name,
      kind,
      version,
      description,
      revision: this.#run?.revision ?? this.#revision,
      phase: this.#phase,
      isolation: isolationText(this.plugin.isolation),
      provides: (this.#run?.provisions ?? []).map(({ token, name }) =>
        name ? `${token.kind}/${name}` : token.kind,
      ),
      healthy: this.#healthy,
      required,
      ...(this.#message === undefined ? {} : { message: this.#message }),
      ...(this.#lastError === undefined ? {} : { restarts: this.#restarted, lastError: this.#lastError }),
    };
  }

  /** Returns when it runs, or it is clear why it does not: see `status`. */
  async start(): Promise<void> {
    this.#wanted = true;
    await this.#exclusive(() => this.#launch());
  }

  /** A service it may have been waiting for has come. */
  poke(): void {
    if (this.#wanted && this.#phase === 'Pending') void this.#exclusive(() => this.#launch());
  }

  /** Says why it is not to run here though nothing is wrong, e.g. who holds its lease. */
  explain(phase: 'Pending' | 'Standby', message: string): void {
    // It had come from another thread, and this kernel lost its lease right then.
    if (this.#wanted) void this.stop();
    else this.#set(phase, message);
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    this.#starting?.cancel();
    await this.#exclusive(async () => {
      clearTimeout(this.#timer);
      await this.#listeners.refuse();
      await this.#end('was stopped');
      await this.#listeners.close();
      this.#set('Stopped');
    });
  }

  /** Replaces the instance, or throws the reason why the old one goes on. */
  async swap(next: LoadedPlugin): Promise<void> {
    if (!this.#run) this.#starting?.cancel();
    await this.#exclusive(async () => {
      const old = this.#run;
      if (old) return await this.#replace(old, next);
      this.plugin = next;
      clearTimeout(this.#timer);
      if (this.#wanted) await this.#launch();
      this.#changed();
      if (this.#phase === 'Failed') throw new StatusError('Invalid', this.#message ?? 'failed to start');
    });
  }

  /** Hands over to a successor in another thread and ends, or throws the reason why it goes on. `ended`: no call of it is in hand any more. */
  async leave(version: string, enter: Enter): Promise<{ ended: Promise<void> | undefined }> {
    if (!this.#run) this.#starting?.cancel();
    return await this.#exclusive(async () => {
      const old = this.#run;
      const [address] = this.#listeners.addresses;
      if (address !== undefined) {
        const text = `plugin "${this.name}" listens on ${address}, and a listening socket cannot go to another thread: let it be swapped where it is, or delete its Plugin object first`;
        throw new StatusError('Invalid', text);
      }
      const serves = old ? await this.#handOver(old, version, enter) : await enter(undefined);
      clearTimeout(this.#timer);
      this.#wanted = false;
      this.#run = undefined;
      const inHand = this.#around.services.provide([], this.name);
      await old?.stop('was replaced in another thread', { serves, inHand });
      return { ended: old?.revoked };
    });
  }

  /** As the successor of an instance in another thread. Throws why it does not run; then it is to be stopped. */
  async enter(passed: Passed): Promise<readonly string[]> {
    this.#wanted = true;
    this.#revision = passed.revision;
    const run = this.#next(this.plugin, passed.held);
    await this.#exclusive(async () => {
      await this.#prove(run, passed, false);
      void this.#around.services.provide(run.provisions, this.name);
      this.#adopt(run);
      await run.serving.begin();
    });
    return run.serving.keys;
  }

  async #launch(): Promise<void> {
    if (this.#run || !this.#wanted) return;
    const { services, timing } = this.#around;
    const needs = requirementsOf(this.plugin.declaration);
    const missing = needs.find(({ kind, optional }) => !optional && !services.available(kind));
    if (missing) return this.#set('Pending', `waits for ${missing.kind}`);
    this.#set('Starting');
    const run = this.#next(this.plugin);
    try {
      await run.start(this.#listeners, undefined, timing.start, false);
      services.check(run.provisions, this.name);
      void services.provide(run.provisions, this.name);
      this.#adopt(run);
      await this.#listeners.settle();
    } catch (error) {
      await run.stop('failed to start');
      await this.#listeners.close();
      if (error instanceof Skipped && this.#restarts === 0) return this.#set('Skipped', error.message);
      this.#failed((error as Error).message);
    } finally {
      this.#starting = undefined;
    }
  }

  async #replace(old: Run, next: LoadedPlugin): Promise<void> {
    const run = this.#next(next, old.serving.keys);
    await this.#handOver(old, next.declaration.version, (passed) => this.#prove(run, passed!, true));
    this.plugin = next;
    const inHand = this.#around.services.provide(run.provisions, this.name);
    this.#adopt(run);
    await this.#listeners.settle();
    await run.serving.begin();
    await old.stop(`was replaced by revision ${run.revision}`, { serves: run.serving.keys, inHand });
  }

  /** When it throws, the old instance goes on. */
  async #handOver(old: Run, version: string, enter: Enter): Promise<readonly string[]> {
    const deadline = performance.now() + this.#around.timing.swap;
    const left = (): number => Math.max(1, Math.round(deadline - performance.now()));
    clearTimeout(this.#timer);
    const restore = this.#listeners.pause();
    try {
      this.#step(version, 'draining the old');
      const inherited = await old.drain(left());
      this.#step(version, 'starting it');
      return await enter({ inherited, held: old.serving.keys, revision: old.revision, ms: left() });
    } catch (error) {
      this.#starting = undefined;
      await this.#rollBack(old, restore);
      const why = error instanceof Skipped ? `skipped: ${error.message}` : (error as Error).message;
      const text = `plugin "${this.name}" was not swapped, revision ${old.revision} goes on: ${why}`;
      const reason = error instanceof StatusError ? error.reason : 'Invalid';
      throw new StatusError(reason, text, {}, { cause: error });
    }
  }

  /** Starts a successor and sees that it is well; returns what it serves on the bus. When it throws, nothing is left of it. */
  async #prove(run: Run, { inherited, ms }: Passed, swapping: boolean): Promise<readonly string[]> {
    const deadline = performance.now() + ms;
    try {
      await run.start(this.#listeners, inherited, ms, swapping);
      this.#around.services.check(run.provisions, this.name);
      this.#step(run.version, 'checking its health');
      const health = await run.health(Math.max(1, Math.round(deadline - performance.now())));
      if (!health.healthy)
        throw new StatusError('ServiceUnavailable', `is unhealthy: ${health.message ?? 'no reason given'}`);
      return run.serving.keys;
    } catch (error) {
      await run.stop('was unwound');
      throw error;
    } finally {
      this.#starting = undefined;
    }
  }

  #step(version: string, what: string): void {
    this.#set('Swapping', `to version ${version}: ${what}`, this.#healthy);
  }

  #next(plugin: LoadedPlugin, held: readonly string[] = []): Run {
    const { bus, kernel } = this.#around;
    const serving = new Serving(bus, `orlop.${kernel.id}.${this.name}`, held);
    this.#starting = new Run(plugin, ++this.#revision, this.#around, serving);
    return this.#starting;
  }

  async #rollBack(old: Run, restore: () => Promise<void>): Promise<void> {
    try {
      await old.resume();
      await restore();
      this.#adopt(old);
    } catch (error) {
      await this.#end('could not resume');
      this.#failed((error as Error).message);
    }
  }

  #adopt(run: Run): void {
    if (this.#run !== run) this.#runningSince = performance.now();
    this.#run = run;
    this.#unhealthy = 0;
    this.#set('Running', undefined, true);
    this.#watchOver(0);
    void run.failed?.then((error) => this.#exclusive(() => this.#replaceFailed(run, error.message)));
  }

  #watchOver(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#exclusive(() => this.#checkHealth()), delay).unref();
  }

  async #checkHealth(): Promise<void> {
    const run = this.#run;
    if (!run || !this.#wanted) return;
    const { timing } = this.#around;
    const { healthy, message } = await run.health(timing.health);
    this.#unhealthy = healthy ? 0 : this.#unhealthy + 1;
    this.#set('Running', message, healthy);
    if (this.#unhealthy < UNHEALTHY) return this.#watchOver(timing.health);
    await this.#replaceFailed(run, message ?? 'is unhealthy');
  }

  async #replaceFailed(run: Run, message: string): Promise<void> {
    if (this.#run !== run) return;
    run.log.error('failed and is restarted', { error: message });
    this.#listeners.hold();
    await this.#end('failed');
    this.#failed(message);
  }

  async #end(why: string): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    void this.#around.services.provide([], this.name, this.#wanted);
    await run?.stop(why);
  }

  /** Tries again after a while that doubles, from anew when it had been running for a minute. */
  #failed(message: string): void {
    const { restart } = this.#around.timing;
    if (this.#runningSince > 0 && performance.now() - this.#runningSince > 60 * restart) this.#restarts = 0;
    this.#runningSince = 0;
    const delay = Math.min(60, 2 ** this.#restarts) * restart;
    this.#restarts += 1;
    this.#lastError = message;
    clearTimeout(this.#timer);
    this.#set('Failed', this.#wanted ? `${message}; trying again in ${delay / 1_000} s` : message);
    if (!this.#wanted) return;
    this.#around.log.error(`plugin "${this.name}" failed; trying again in ${delay} ms`, { error: message });
    this.#timer = setTimeout(() => {
      this.#restarted += 1;
      void this.#exclusive(() => this.#launch());
    }, delay).unref();
    if (!this.plugin.declaration.required || this.#restarts < FATAL) return;
    const text = `plugin "${this.name}", which is required, keeps failing: ${message}`;
    this.#around.fatal(new StatusError('ServiceUnavailable', text));
  }

  #set(phase: PluginPhase, message?: string, healthy = false): void {
    if (this.#phase === phase && this.#message === message && this.#healthy === healthy) return;
    this.#phase = phase;
    this.#message = message;
    this.#healthy = healthy;
    this.#changed();
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
