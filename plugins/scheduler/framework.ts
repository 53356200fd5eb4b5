import type { NodeTable } from './nodes.ts';
import type { PodInfo } from './pod.ts';

/** A filter made ready for one pod. `fits` is called for every node and must not allocate. */
export interface Filter {
  fits(row: number): boolean;
  /** Upstream's texts, for a row that does not fit. */
  reasons(row: number): string[];
}

/** A score made ready for one pod. Called for every feasible node; must not allocate. */
export interface Score {
  weight: number;
  score(row: number): number;
  /** How raw scores become 0 to 100: as they are, relative to the highest, the highest becomes 0, or from lowest to highest. */
  scale: 'none' | 'max' | 'reverse' | 'range';
}

/**
 * One plugin of the scheduling framework. Each extension point is prepared once per pod; `undefined` means that it has nothing to say
 * about this pod. Source: kube-scheduler's framework (preFilter and filter, preScore and score).
 */
export interface SchedulingPlugin {
  readonly name: string;
  filter?(pod: PodInfo, nodes: NodeTable): Filter | undefined;
  score?(pod: PodInfo, nodes: NodeTable): Score | undefined;
}

export type Decision = { node: string } | { unschedulable: string };

const NONE: readonly Score[] = [];

/** Scheduling cycles over one table of nodes. Pure but for its own scratch arrays: no I/O, no clock. */
export class Framework {
  private readonly plugins: readonly SchedulingPlugin[];
  private readonly nodes: NodeTable;
  private feasible = new Int32Array(16);
  private totals = new Float64Array(16);
  private raw = new Float64Array(16);
  private turn = 0;

  constructor(plugins: readonly SchedulingPlugin[], nodes: NodeTable) {
    this.plugins = plugins;
    this.nodes = nodes;
  }

  /** The best node for the pod, or why there is none. Equal nodes take turns. `scores` are of plugins beyond the framework's. */
  schedule(pod: PodInfo, scores: readonly Score[] = NONE): Decision {
    const { nodes } = this;
    if (nodes.count === 0) return { unschedulable: 'no nodes available to schedule pods' };
    if (pod.refusal)
      return { unschedulable: `0/${nodes.count} nodes are available: ${nodes.count} ${pod.refusal}.` };
    const filters: Filter[] = [];
    for (const plugin of this.plugins) {
      const filter = plugin.filter?.(pod, nodes);
      if (filter) filters.push(filter);
    }
    const found = this.filter(filters);
    if (found === 0) return { unschedulable: this.explain(filters) };
    const row = found === 1 ? this.feasible[0]! : this.best(pod, found, scores);
    return { node: nodes.nodeName(row) };
  }

  private filter(filters: readonly Filter[]): number {
    const { nodes } = this;
    if (this.feasible.length < nodes.size) {
      this.feasible = new Int32Array(nodes.size * 2);
      this.totals = new Float64Array(nodes.size * 2);
      this.raw = new Float64Array(nodes.size * 2);
    }
    this.turn = (this.turn + 1) % nodes.size;
    let found = 0;
    for (let step = 0; step < nodes.size; step++) {
      const row = this.turn + step < nodes.size ? this.turn + step : this.turn + step - nodes.size;
      if (nodes.nodes[row] !== undefined && fitsAll(filters, row)) this.feasible[found++] = row;
    }
    return found;
  }

  private best(pod: PodInfo, found: number, scores: readonly Score[]): number {
    const { feasible, totals } = this;
    totals.fill(0, 0, found);
    for (const plugin of this.plugins) {
      const score = plugin.score?.(pod, this.nodes);
      if (score) this.add(score, found);
    }
    for (let index = 0; index < scores.length; index++) this.add(scores[index]!, found);
    let best = 0;
    for (let index = 1; index < found; index++) if (totals[index]! > totals[best]!) best = index;
    return feasible[best]!;
  }

  private add(score: Score, found: number): void {
    const { feasible, totals, raw } = this;
    let highest = score.scale === 'range' ? Number.NEGATIVE_INFINITY : 0;
    let lowest = Number.POSITIVE_INFINITY;
    for (let index = 0; index < found; index++) {
      const value = score.score(feasible[index]!);
      raw[index] = value;
      if (value > highest) highest = value;
      if (value < lowest) lowest = value;
    }
    addScaled(totals, raw, found, score, score.scale === 'range' ? lowest : 0, highest);
  }

  /** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).` */
  private explain(filters: readonly Filter[]): string {
    const { nodes } = this;
    const counts = new Map<string, number>();
    for (let row = 0; row < nodes.size; row++) {
      if (nodes.nodes[row] === undefined) continue;
      // As upstream, the first filter that fails speaks for the node.
      const failed = filters.find((filter) => !filter.fits(row));
      for (const reason of failed?.reasons(row) ?? []) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    const reasons = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
    return `0/${nodes.count} nodes are available: ${reasons.join(', ')}.`;
  }
}

function fitsAll(filters: readonly Filter[], row: number): boolean {
  for (let index = 0; index < filters.length; index++) if (!filters[index]!.fits(row)) return false;
  return true;
}

function addScaled(
  totals: Float64Array,
  raw: Float64Array,
  found: number,
  { weight, scale }: Score,
  lowest: number,
  highest: number,
): void {
  for (let index = 0; index < found; index++) {
    let value = raw[index]!;
    if (scale !== 'none') value = highest === lowest ? 0 : ((value - lowest) * 100) / (highest - lowest);
    if (scale === 'reverse') value = 100 - value;
    totals[index]! += value * weight;
  }
}
