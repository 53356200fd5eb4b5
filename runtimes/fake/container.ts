import {
  type ContainerConfig,
  type ContainerState,
  type ContainerStats,
  type ExecResult,
  StatusError,
} from 'orlop/plugin';
import { type Behaviour, behaviourOf } from './behaviour.ts';
import { exec } from './exec.ts';
import { ContainerLog } from './log.ts';

/** One container that runs nothing. */
export class FakeContainer {
  readonly log = new ContainerLog();
  readonly behaviour: Behaviour;
  readonly config: ContainerConfig;
  readonly ended: Promise<void>;
  state: ContainerState;
  readonly #onChange: (type: 'started' | 'exited') => void;
  #end: () => void = () => {};
  #exit: NodeJS.Timeout | undefined;
  #term: NodeJS.Timeout | undefined;

  constructor(id: string, config: ContainerConfig, onChange: (type: 'started' | 'exited') => void) {
    this.config = config;
    this.behaviour = behaviourOf(config.pod, config.container.name);
    this.#onChange = onChange;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.state = {
      id,
      name: config.container.name,
      attempt: config.attempt,
      state: 'Created',
      imageId: config.imageId,
      image: config.container.image ?? '',
    };
  }

  get running(): boolean {
    return this.state.state === 'Running';
  }

  start(): void {
    if (this.state.state !== 'Created') {
      throw new StatusError(
        'Conflict',
        `container "${this.state.name}" was started before; create a new one`,
      );
    }
    this.state = { ...this.state, state: 'Running', startedAt: new Date().toISOString() };
    this.log.append('stdout', this.behaviour.log || `${this.state.name} is running`);
    this.#onChange('started');
    const { exitAfter, exitCode } = this.behaviour;
    if (exitAfter !== undefined) this.#exit = setTimeout(() => this.exit(exitCode), exitAfter);
  }

  /** Ends it now. */
  exit(exitCode: number): void {
    if (this.state.state === 'Exited') return;
    clearTimeout(this.#exit);
    clearTimeout(this.#term);
    const now = new Date().toISOString();
    this.state = {
      ...this.state,
      state: 'Exited',
      startedAt: this.state.startedAt ?? now,
      finishedAt: now,
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
    };
    this.log.end();
    this.#end();
    this.#onChange('exited');
  }

  /** Returns when it has ended. A second call with a shorter timeout shortens the first. */
  async stop(timeoutSeconds: number): Promise<void> {
    if (this.state.state === 'Created') this.exit(0);
    if (this.state.state === 'Exited') return;
    const { termAfter } = this.behaviour;
    const limit = timeoutSeconds * 1000;
    clearTimeout(this.#term);
    if (termAfter === 0) this.exit(0);
    else this.#term = setTimeout(() => this.exit(termAfter <= limit ? 0 : 137), Math.min(termAfter, limit));
    await this.ended;
  }

  /** As if it had used what it is told to use since its start. */
  stats(): ContainerStats | undefined {
    if (!this.running) return undefined;
    const timestamp = Date.now();
    const { cpu, memory } = this.behaviour;
    const since = timestamp - Date.parse(this.state.startedAt!);
    return { timestamp, usageCoreNanoSeconds: Math.round(since * 1e6 * cpu), workingSetBytes: memory };
  }

  exec(command: readonly string[]): Promise<ExecResult> {
    if (!this.running) {
      throw new StatusError(
        'Conflict',
        `container "${this.state.name}" is not running: nothing can run in it`,
      );
    }
    return exec(command, this.config, this.behaviour);
  }
}
