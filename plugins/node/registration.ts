import {
  type EventRecorder,
  findCondition,
  type Health,
  isStatus,
  Leases,
  type Logger,
  microTimestamp,
  type Node,
  Nodes,
  type ObjectClient,
  RuntimeClasses,
} from 'orlop/plugin';
import { describeNode, type NodeDescription } from './node-object.ts';

const LEASE_NAMESPACE = 'kube-node-lease';
const LEASE_SECONDS = 40;
const RENEW_MS = 10_000;
/** Every so many renewals the Node's status is written, too. */
const STATUS_EVERY = 6;

/** Keeps the Node object, its Lease and the RuntimeClasses of the runtimes here. */
export class Registration {
  readonly #objects: ObjectClient;
  readonly #log: Logger;
  readonly #events: EventRecorder;
  readonly #describe: () => NodeDescription;
  readonly #handlers: () => Iterable<string>;
  #timer: NodeJS.Timeout | undefined;
  #renewals = 0;
  #failure: string | undefined;
  #closed = false;

  constructor(
    ctx: { objects: ObjectClient; log: Logger },
    events: EventRecorder,
    describe: () => NodeDescription,
    handlers: () => Iterable<string>,
  ) {
    this.#objects = ctx.objects;
    this.#log = ctx.log;
    this.#events = events;
    this.#describe = describe;
    this.#handlers = handlers;
  }

  async start(): Promise<void> {
    await this.#runtimeClasses();
    const node = await this.#register();
    this.#tell(node, 'Starting', 'Starting kubelet.');
    await this.#renew(node);
    this.#later();
  }

  /** Unhealthy while the Lease cannot be renewed. */
  health(): Health {
    const message = `the lease of node ${this.#describe().name} cannot be renewed: ${this.#failure}`;
    return this.#failure === undefined ? { healthy: true } : { healthy: false, message };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #later(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#beat()
        .then(() => {
          this.#failure = undefined;
        })
        .catch((error: unknown) => {
          if (this.#closed) return;
          this.#failure = String(error);
          this.#log.warn('the node could not renew its lease', { error: String(error) });
        })
        .finally(() => this.#later());
    }, RENEW_MS);
  }

  async #beat(): Promise<void> {
    const node = await this.#objects.get(Nodes, { name: this.#describe().name }, { revision: 0 });
    await this.#renew(node?.value ?? (await this.#register()));
    this.#renewals += 1;
    // Given up for dead while it was silent: only a status says that it is not.
    const alive = node !== undefined && isReady(node.value);
    if (alive && this.#renewals % STATUS_EVERY !== 0) return;
    await this.#register();
    await this.#runtimeClasses();
  }

  async #register(): Promise<Node> {
    const description = this.#describe();
    const { name } = description;
    try {
      const created = await this.#objects.create(Nodes, describeNode(undefined, description));
      this.#ready(created.value);
      return created.value;
    } catch (error) {
      if (!isStatus(error, 'AlreadyExists')) throw error;
    }
    let wasReady = false;
    const updated = await this.#objects.modify(Nodes, { name }, (draft) => {
      wasReady = isReady(draft);
      Object.assign(draft, describeNode(structuredClone(draft), description));
    });
    if (!wasReady) this.#ready(updated.value);
    return updated.value;
  }

  #ready(node: Node): void {
    this.#tell(node, 'NodeReady', `Node ${node.metadata!.name} status is now: NodeReady`);
  }

  #tell(node: Node, reason: string, message: string): void {
    this.#events.event(Nodes, node, { type: 'Normal', reason, message });
  }

  async #renew(node: Node): Promise<void> {
    const name = node.metadata!.name!;
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: microTimestamp(),
    };
    const key = { namespace: LEASE_NAMESPACE, name };
    try {
      await this.#objects.modify(Leases, key, (draft) => Object.assign(draft, { spec }) && undefined);
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
      const owner = { apiVersion: 'v1', kind: 'Node', name, uid: node.metadata!.uid! };
      await this.#objects.create(Leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { ...key, ownerReferences: [owner] },
        spec,
      });
    }
  }

  async #runtimeClasses(): Promise<void> {
    for (const handler of this.#handlers()) {
      const key = { name: handler };
      if (await this.#objects.get(RuntimeClasses, key, { revision: 0 })) continue;
      try {
        await this.#objects.create(RuntimeClasses, {
          apiVersion: 'node.k8s.io/v1',
          kind: 'RuntimeClass',
          metadata: key,
          handler,
        });
      } catch (error) {
        if (!isStatus(error, 'AlreadyExists')) throw error;
      }
    }
  }
}

function isReady({ status }: Node): boolean {
  return findCondition(status?.conditions, 'Ready')?.status === 'True';
}
