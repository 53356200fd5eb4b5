import { type Labels, type Node, parseQuantity, type Taint } from 'orlop/plugin';
import { type PodInfo, wholeUnits } from './pod.ts';

/** One resource over all nodes: whole units, indexed by row. */
export interface Column {
  allocatable: Float64Array;
  requested: Float64Array;
}

const NO_TAINTS: readonly Taint[] = [];

/**
 * The cluster as the scheduler sees it, columnar: a node is a row, what is compared for every pod is an array indexed by row. Kept up to
 * date from the watch and by assuming pods, so that a scheduling cycle does no I/O. Rows of removed nodes are reused.
 */
export class NodeTable {
  /** Rows in use lie below it; `nodes[row]` is undefined for a free one. */
  size = 0;
  /** How many nodes there are. */
  count = 0;
  readonly nodes: (Node | undefined)[] = [];
  readonly labels: Labels[] = [];
  /** Only those that keep pods away: NoSchedule and NoExecute; PreferNoSchedule apart. */
  readonly taints: (readonly Taint[])[] = [];
  readonly softTaints: (readonly Taint[])[] = [];
  unschedulable = new Uint8Array(16);
  /** Counts changes; by row the last one, by which it was given to a node, changed or lost its node, and had other pods. */
  version = 0;
  givenAt = new Float64Array(16);
  changedAt = new Float64Array(16);
  requestedAt = new Float64Array(16);
  /** CPU and memory in use with defaults for pods without requests. */
  scoredCpu = new Float64Array(16);
  scoredMemory = new Float64Array(16);
  private readonly columns = new Map<string, Column>();
  private readonly rows = new Map<string, number>();
  private readonly free: number[] = [];
  private readonly placed = new Map<string, { info: PodInfo; node: string }>();
  /** Uids of placed pods with required anti-affinity. */
  private readonly guards = new Set<string>();
  /** By node name, known or not: a pod may be seen before its node. */
  private readonly byNode = new Map<string, Map<string, PodInfo>>();
  private readonly ports: Map<string, number>[] = [];
  private readonly byOwner = new Map<string, Map<number, number>>();

  column(resource: string): Column {
    let column = this.columns.get(resource);
    if (!column) {
      const capacity = this.unschedulable.length;
      column = { allocatable: new Float64Array(capacity), requested: new Float64Array(capacity) };
      this.columns.set(resource, column);
    }
    return column;
  }

  resources(): Iterable<string> {
    return this.columns.keys();
  }

  /** Pods of one controller by row. */
  ownerCounts(owner: string): ReadonlyMap<number, number> | undefined {
    return owner === '' ? undefined : this.byOwner.get(owner);
  }

  hostPorts(row: number): ReadonlyMap<string, number> {
    return this.ports[row]!;
  }

  nodeName(row: number): string {
    return this.nodes[row]!.metadata!.name!;
  }

  /** Adds or updates a node; true when something changed that may let a pod in. */
  setNode(node: Node): boolean {
    const name = node.metadata!.name!;
    const known = this.rows.get(name);
    const row = known ?? this.addRow(name);
    const before = known === undefined ? undefined : this.fingerprint(row);
    this.nodes[row] = node;
    this.labels[row] = node.metadata?.labels ?? {};
    const taints = node.spec?.taints ?? [];
    const hard = taints.filter((taint) => taint.effect !== 'PreferNoSchedule');
    this.taints[row] = hard.length > 0 ? hard : NO_TAINTS;
    this.softTaints[row] =
      taints.length > hard.length ? taints.filter((taint) => taint.effect === 'PreferNoSchedule') : NO_TAINTS;
    this.unschedulable[row] = node.spec?.unschedulable ? 1 : 0;
    for (const column of this.columns.values()) column.allocatable[row] = 0;
    const allocatable = node.status?.allocatable ?? node.status?.capacity ?? {};
    const amounts = Object.entries(allocatable).map(
      ([key, text]) => [key, parseQuantity(text) ?? 0] as const,
    );
    for (const [resource, units] of wholeUnits(Object.fromEntries(amounts))) {
      this.column(resource).allocatable[row] = units;
    }
    if (known === undefined) {
      for (const info of this.byNode.get(name)?.values() ?? []) this.tally(row, info, 1);
      this.givenAt[row] = this.requestedAt[row] = ++this.version;
    }
    const isChanged = before !== this.fingerprint(row);
    if (isChanged) this.changedAt[row] = ++this.version;
    return isChanged;
  }

  removeNode(name: string): void {
    const row = this.rows.get(name);
    if (row === undefined) return;
    for (const info of this.byNode.get(name)?.values() ?? []) this.tally(row, info, -1);
    this.rows.delete(name);
    this.nodes[row] = undefined;
    this.changedAt[row] = ++this.version;
    this.free.push(row);
    this.count -= 1;
  }

  /** Counts a pod on a node, assumed or bound; moves it when it was counted elsewhere or otherwise. */
  place(info: PodInfo, node: string): void {
    this.remove(info.uid);
    this.placed.set(info.uid, { info, node });
    if (info.terms.antiAffinity.length > 0) this.guards.add(info.uid);
    const pods = this.byNode.get(node) ?? new Map<string, PodInfo>();
    this.byNode.set(node, pods);
    pods.set(info.uid, info);
    const row = this.rows.get(node);
    if (row !== undefined) this.tally(row, info, 1);
  }

  /** True when the pod was counted. */
  remove(uid: string): boolean {
    const placed = this.placed.get(uid);
    if (!placed) return false;
    this.placed.delete(uid);
    this.guards.delete(uid);
    const pods = this.byNode.get(placed.node)!;
    pods.delete(uid);
    if (pods.size === 0) this.byNode.delete(placed.node);
    const row = this.rows.get(placed.node);
    if (row !== undefined) this.tally(row, placed.info, -1);
    return true;
  }

  /** Every pod on a node that is known. */
  eachPod(visit: (info: PodInfo, row: number) => void): void {
    for (const { info, node } of this.placed.values()) {
      const row = this.rows.get(node);
      if (row !== undefined) visit(info, row);
    }
  }

  /** Of those, the ones with required anti-affinity. */
  eachGuard(visit: (info: PodInfo, row: number) => void): void {
    for (const uid of this.guards) {
      const { info, node } = this.placed.get(uid)!;
      const row = this.rows.get(node);
      if (row !== undefined) visit(info, row);
    }
  }

  isPlaced(uid: string): boolean {
    return this.placed.has(uid);
  }

  private tally(row: number, info: PodInfo, sign: 1 | -1): void {
    this.requestedAt[row] = ++this.version;
    for (const [resource, amount] of info.requests) this.column(resource).requested[row]! += sign * amount;
    this.scoredCpu[row]! += sign * info.scoredCpu;
    this.scoredMemory[row]! += sign * info.scoredMemory;
    const ports = this.ports[row]!;
    for (const port of info.hostPorts) increment(ports, port, sign);
    if (info.owner === '') return;
    const counts = this.byOwner.get(info.owner) ?? new Map<number, number>();
    this.byOwner.set(info.owner, counts);
    increment(counts, row, sign);
    if (counts.size === 0) this.byOwner.delete(info.owner);
  }

  private addRow(name: string): number {
    const row = this.free.pop() ?? this.size++;
    if (row >= this.unschedulable.length) this.grow();
    this.rows.set(name, row);
    this.ports[row] = new Map();
    this.count += 1;
    return row;
  }

  private grow(): void {
    const capacity = this.unschedulable.length * 2;
    const wider = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const next = new Float64Array(capacity);
      next.set(old);
      return next;
    };
    const unschedulable = new Uint8Array(capacity);
    unschedulable.set(this.unschedulable);
    this.unschedulable = unschedulable;
    this.givenAt = wider(this.givenAt);
    this.changedAt = wider(this.changedAt);
    this.requestedAt = wider(this.requestedAt);
    this.scoredCpu = wider(this.scoredCpu);
    this.scoredMemory = wider(this.scoredMemory);
    for (const column of this.columns.values()) {
      column.allocatable = wider(column.allocatable);
      column.requested = wider(column.requested);
    }
  }

  private fingerprint(row: number): string {
    const { metadata, spec, status } = this.nodes[row]!;
    return JSON.stringify([
      metadata?.labels,
      spec?.taints,
      spec?.unschedulable,
      status?.allocatable,
      status?.capacity,
    ]);
  }
}

function increment<K>(counts: Map<K, number>, key: K, by: number): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
