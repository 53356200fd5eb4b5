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

/** The pods that run, and all they need to go on. It outlives the plugin's instance. */
export class LivePods implements ContainerHost {
  readonly sandboxes = new Map<string, Sandbox>();
  readonly listeners = new Set<(event: ContainerEvent) => void>();
  readonly workers = new GuestWorkers();
  readonly transpiler: Transpiler;

  constructor(cacheDir: string) {
    this.transpiler = new Transpiler(cacheDir);
    this.workers.warm();
  }

  /** Ends every guest. */
  async close(): Promise<void> {
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
