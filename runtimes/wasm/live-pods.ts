import { randomUUID } from 'node:crypto';
import type { ContainerEvent, PodSandboxConfig } from 'orlop/plugin';
import type { ContainerHost, WasmContainer } from './container.ts';
import { GuestWorkers } from './guest-worker.ts';
import { Transpiler } from './transpile.ts';

export interface Sandbox {
  podUid: string;
  config: PodSandboxConfig;
  ready: boolean;
  containers: Map<string, WasmContainer>;
}

/** Of this process, also for another version of this module: what an instance offers to its successor, by ticket. */
const registry = globalThis as { [OFFERED]?: Map<string, LivePods> };
const OFFERED = Symbol.for('orlop.dev/runtime-wasm/1');

/**
 * The pods that run, and all they need to go on. It outlives the plugin's instance: at a swap the successor holds it too before the
 * predecessor lets go. When nobody holds it any more, every guest ends.
 */
export class LivePods implements ContainerHost {
  readonly sandboxes = new Map<string, Sandbox>();
  readonly listeners = new Set<(event: ContainerEvent) => void>();
  readonly workers = new GuestWorkers();
  readonly transpiler: Transpiler;
  readonly #ticket = randomUUID();
  #holders = 1;

  /** Held by its maker. */
  constructor(cacheDir: string) {
    this.transpiler = new Transpiler(cacheDir);
    this.workers.warm();
  }

  /** Holds what a predecessor in this process offered under the ticket, if it is still there. */
  static take(ticket: unknown): LivePods | undefined {
    const live = typeof ticket === 'string' ? registry[OFFERED]?.get(ticket) : undefined;
    if (live !== undefined) live.#holders += 1;
    return live;
  }

  /** The ticket is JSON-safe; the pods stay in this process. */
  offer(): string {
    registry[OFFERED] ??= new Map();
    registry[OFFERED].set(this.#ticket, this);
    return this.#ticket;
  }

  withdraw(): void {
    registry[OFFERED]?.delete(this.#ticket);
  }

  /** Lets go. Returns, for the last holder, when all guests have ended. */
  async release(): Promise<void> {
    this.#holders -= 1;
    this.withdraw();
    if (this.#holders > 0) return;
    await Promise.all([...this.sandboxes.keys()].map((id) => this.stop(id)));
    await Promise.all([this.workers.close(), this.transpiler.close()]);
  }

  /** Ends all containers of a sandbox at once. */
  async stop(sandboxId: string): Promise<void> {
    const sandbox = this.sandboxes.get(sandboxId);
    if (sandbox === undefined) return;
    sandbox.ready = false;
    await Promise.all([...sandbox.containers.values()].map((container) => container.kill()));
  }

  started(container: WasmContainer): void {
    this.#emit('started', container);
  }

  exited(container: WasmContainer): void {
    this.#emit('exited', container);
  }

  #emit(type: ContainerEvent['type'], { id, sandboxId }: WasmContainer): void {
    const podUid = sandboxId.split('.', 1)[0]!;
    for (const listener of this.listeners) listener({ type, sandboxId, containerId: id, podUid });
  }
}
