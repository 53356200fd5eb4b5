import {
  ConfigMaps,
  type ContainerEvent,
  informer,
  isPodTerminal,
  type KubeObject,
  keyOf,
  type Pod,
  type PodSandbox,
  Pods,
  type Resource,
  type ResourceAmounts,
  type Runtime,
  Secrets,
  type Watch,
} from 'orlop/plugin';
import type { NodeContext } from './node.ts';
import { references } from './references.ts';
import { allocatedRequests } from './resize.ts';
import { PodWorker } from './worker.ts';

/** All pods of the node: one worker each, fed by the store's watch and the runtimes' events. */
export class PodManager {
  readonly #node: NodeContext;
  readonly #byUid = new Map<string, PodWorker>();
  /** The worker of the pod that has the name now; one that is ending may have had it before. */
  readonly #byKey = new Map<string, PodWorker>();
  /** Pods found running and not claimed by a worker yet. */
  readonly #found = new Map<string, { runtime: Runtime; sandbox: PodSandbox }>();
  readonly #listening = new Map<string, () => void>();
  readonly #watches: Watch[] = [];
  #timer: NodeJS.Timeout | undefined;
  #synced = false;
  #closed = false;

  constructor(node: NodeContext) {
    this.#node = node;
  }

  /** Finds what runs already, then takes up the pods bound to the node. */
  async start(): Promise<void> {
    for (const runtime of this.#node.runtimes.values()) {
      this.#listen(runtime);
      for (const sandbox of await runtime.listPodSandbox()) await this.#adopt(runtime, sandbox);
    }
    const { name } = this.#node;
    this.#watches.push(
      informer(
        this.#node,
        Pods,
        { where: (pod) => pod.spec?.nodeName === name },
        {
          changed: (pod) => this.#changed(pod),
          deleted: (pod) => this.#byUid.get(pod.metadata!.uid!)?.gone(),
          synced: () => {
            this.#synced = true;
            this.#later(0);
          },
        },
      ),
      this.#watchData(ConfigMaps),
      this.#watchData(Secrets),
    );
  }

  /** The worker of a pod by name. */
  get(namespace: string, name: string): PodWorker | undefined {
    return this.#byKey.get(keyOf({ namespace, name }));
  }

  all(): Iterable<PodWorker> {
    return this.#byUid.values();
  }

  /** Leaves the pods as they are. Returns when nothing half-done is left, as far as that ends soon. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const watch of this.#watches) watch.close();
    for (const stop of this.#listening.values()) stop();
    await Promise.all([...this.#byUid.values()].map((worker) => worker.close()));
  }

  #changed(pod: Pod): void {
    const { uid, namespace, name } = pod.metadata!;
    const known = this.#byUid.get(uid!);
    if (known) {
      known.update(pod);
      this.#roomMade();
      return;
    }
    const key = keyOf({ namespace, name: name! });
    const done = (): void => {
      this.#byUid.delete(uid!);
      if (this.#byKey.get(key) === worker) this.#byKey.delete(key);
      this.#roomMade();
    };
    const others = (): ResourceAmounts => this.#givenBesides(uid!);
    const worker: PodWorker = new PodWorker(this.#node, pod, this.#found.get(uid!), others, done);
    this.#found.delete(uid!);
    this.#byUid.set(uid!, worker);
    this.#byKey.set(key, worker);
  }

  #givenBesides(uid: string): ResourceAmounts {
    const sum: ResourceAmounts = {};
    for (const { uid: other, pod, state } of this.#byUid.values()) {
      if (other === uid || isPodTerminal(pod)) continue;
      for (const [name, amount] of Object.entries(allocatedRequests(pod, state)))
        sum[name] = (sum[name] ?? 0) + amount;
    }
    return sum;
  }

  /** What waits for room looks again. */
  #roomMade(): void {
    for (const worker of this.#byUid.values()) if (worker.state.resize?.reason === 'Deferred') worker.wake();
  }

  /** A pod that waits for a ConfigMap or Secret, or shows one as files, follows it at once. */
  #watchData<T extends KubeObject>(resource: Resource<T>): Watch {
    const wake = (object: KubeObject): void => {
      if (!this.#synced) return;
      const { namespace, name } = object.metadata!;
      for (const worker of this.#byUid.values()) {
        if (worker.pod.metadata!.namespace !== namespace) continue;
        if (references(worker.pod).has(`${resource.kind} ${name}`)) worker.retry();
      }
    };
    return informer(this.#node, resource, {}, { changed: wake, deleted: () => {} });
  }

  #listen(runtime: Runtime): void {
    this.#listening.get(runtime.handler)?.();
    const stop = runtime.onContainerEvent((event) => this.#onEvent(event));
    this.#listening.set(runtime.handler, stop);
  }

  #onEvent(event: ContainerEvent): void {
    this.#byUid
      .get(event.podUid)
      ?.onContainerEvent(event)
      .catch((error: unknown) => this.#node.log.warn('a container event was lost', { error: String(error) }));
  }

  async #adopt(runtime: Runtime, sandbox: PodSandbox): Promise<void> {
    const other = this.#found.get(sandbox.podUid);
    if (other?.sandbox.ready) return;
    this.#found.set(sandbox.podUid, { runtime, sandbox });
    if (!sandbox.ready || sandbox.ip === this.#node.network.nodeIP) return;
    const address = { ip: sandbox.ip, attachment: runtime.attachment };
    await this.#node.network.adopt(sandbox.podUid, address);
  }

  #later(after: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#resync()
        .catch((error: unknown) =>
          this.#node.log.warn('the runtimes could not be compared with the store', { error: String(error) }),
        )
        .finally(() => this.#later(this.#node.config.resyncSeconds * 1000));
    }, after);
  }

  /** In case an event was missed, a runtime was swapped or has come: compares all with what the runtimes list. */
  async #resync(): Promise<void> {
    for (const runtime of this.#node.runtimes.values()) {
      const isNew = !this.#listening.has(runtime.handler);
      this.#listen(runtime);
      const before = new Map([...this.#byUid].map(([uid, worker]) => [uid, worker.state.sandbox?.id]));
      const listed = await runtime.listPodSandbox();
      if (this.#closed) return;
      const live = new Set<string>();
      for (const sandbox of listed) {
        const worker = this.#byUid.get(sandbox.podUid);
        if (worker && (!worker.state.sandbox || worker.state.sandbox.id === sandbox.id)) {
          live.add(sandbox.podUid);
          worker.observeSandbox(sandbox);
        } else if (!worker?.state.preparing) {
          await this.#removeOrphan(runtime, sandbox);
        }
      }
      for (const [uid, worker] of this.#byUid) {
        if (isNew) worker.retry();
        // Only what was there before the runtime was asked can be missing in its answer.
        const known = worker.state.sandbox?.id;
        if (worker.runtime?.handler !== runtime.handler || live.has(uid)) continue;
        if (known !== undefined && before.get(uid) === known) worker.observeSandbox(undefined);
      }
    }
    this.#found.clear();
  }

  async #removeOrphan(runtime: Runtime, sandbox: PodSandbox): Promise<void> {
    this.#node.log.info(
      `removing ${sandbox.namespace}/${sandbox.name}, which the store does not know any more`,
      {
        uid: sandbox.podUid,
      },
    );
    await runtime.stopPodSandbox(sandbox.id);
    await runtime.removePodSandbox(sandbox.id);
    if (!this.#byUid.has(sandbox.podUid)) await this.#node.network.del(sandbox.podUid);
  }
}
