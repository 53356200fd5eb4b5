import type { Taint } from '../model/kubernetes.ts';
import type { NodeChanges } from './scoring.ts';

/** The scheduler's table of nodes at a score plugin: what its messages have said so far. A row without a name is no node's. */
export class ScoringTable {
  size = 0;
  readonly names: (string | undefined)[] = [];
  readonly labels: Record<string, string>[] = [];
  readonly taints: Taint[][] = [];
  readonly unschedulable: boolean[] = [];
  readonly #allocatable = new Map<string, number[]>();
  readonly #requested = new Map<string, number[]>();
  #sequence = -1;

  /** False: the message before is missing, answer `{ resync: true }`. */
  apply({ sequence, size, removed, nodes, requested }: NodeChanges): boolean {
    if (sequence === 0) this.#clear();
    else if (sequence !== this.#sequence + 1) return false;
    this.#sequence = sequence;
    this.size = size;
    for (const row of removed) this.#empty(row);
    for (const [index, row] of nodes.row.entries()) {
      this.#empty(row);
      this.names[row] = nodes.name[index]!;
      this.labels[row] = nodes.labels[index]!;
      this.taints[row] = nodes.taints[index]!;
      this.unschedulable[row] = nodes.unschedulable[index]!;
    }
    fill(this.#allocatable, nodes.row, nodes.allocatable);
    fill(this.#requested, requested.row, requested.requested);
    return true;
  }

  /** Units of a resource by row; a hole is 0. */
  allocatable(resource: string): readonly (number | undefined)[] {
    return this.#allocatable.get(resource) ?? [];
  }

  requested(resource: string): readonly (number | undefined)[] {
    return this.#requested.get(resource) ?? [];
  }

  #clear(): void {
    for (const column of [this.names, this.labels, this.taints, this.unschedulable]) column.length = 0;
    this.#allocatable.clear();
    this.#requested.clear();
  }

  /** What is requested there is said apart: with a new node always, of a changed one when it changes. */
  #empty(row: number): void {
    this.names[row] = undefined;
    for (const column of this.#allocatable.values()) column[row] = 0;
  }
}

function fill(columns: Map<string, number[]>, rows: readonly number[], by: Record<string, number[]>): void {
  for (const [resource, values] of Object.entries(by)) {
    const column = columns.get(resource) ?? [];
    columns.set(resource, column);
    for (const [index, row] of rows.entries()) column[row] = values[index]!;
  }
}
