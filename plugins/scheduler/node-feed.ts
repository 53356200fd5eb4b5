import type { NodeChanges, NodeColumns, PodToScore, ScoreRequest } from 'orlop/plugin';
import type { NodeTable } from './nodes.ts';
import type { PodInfo } from './pod.ts';

/** Nodes in one message: a table with many labels must fit what carries it. */
const MAX_NODES = 500;

/** What one score plugin knows of the table of nodes. */
export class NodeFeed {
  #table: NodeTable | undefined;
  #sequence = 0;
  /** Everything up to this version of the table has been sent. */
  #version = -1;

  /** It knows nothing, or what it knows is uncertain. */
  reset(): void {
    this.#table = undefined;
    this.#sequence = 0;
    this.#version = -1;
  }

  /**
   * The messages that make it know the table as it is when they are made, the last one with the pods. Each is to be answered before the next
   * is made; whoever gives up calls `reset`.
   */
  *requests(table: NodeTable, pods: readonly PodInfo[]): Generator<ScoreRequest> {
    if (this.#table !== table) this.reset();
    this.#table = table;
    const { version } = table;
    const isChanged = (at: Float64Array, row: number): boolean =>
      this.#version < 0 ? table.nodes[row] !== undefined : at[row]! > this.#version;
    const changed: number[] = [];
    const requested: number[] = [];
    for (let row = 0; row < table.size; row++) {
      if (isChanged(table.changedAt, row)) changed.push(row);
      if (isChanged(table.requestedAt, row)) requested.push(row);
    }
    while (changed.length > MAX_NODES) yield this.#message(table, changed.splice(0, MAX_NODES), [], []);
    yield this.#message(table, changed, requested, pods);
    this.#version = version;
  }

  #message(
    table: NodeTable,
    changed: readonly number[],
    requested: readonly number[],
    pods: readonly PodInfo[],
  ): ScoreRequest {
    return {
      nodes: { ...nodeChanges(table, changed, requested), sequence: this.#sequence++ },
      pods: pods.map(podToScore),
    };
  }
}

function nodeChanges(
  table: NodeTable,
  changed: readonly number[],
  requested: readonly number[],
): Omit<NodeChanges, 'sequence'> {
  const isThere = (row: number): boolean => table.nodes[row] !== undefined;
  const row = changed.filter(isThere);
  const loaded = requested.filter(isThere);
  const columns = [...table.resources()].map((name) => [name, table.column(name)] as const);
  const nodes: NodeColumns = {
    row,
    name: row.map((each) => table.nodeName(each)),
    labels: row.map((each) => table.labels[each]!),
    taints: row.map((each) => [...table.taints[each]!, ...table.softTaints[each]!]),
    unschedulable: row.map((each) => table.unschedulable[each] === 1),
    allocatable: Object.fromEntries(
      columns.map(([name, { allocatable }]) => [name, row.map((each) => allocatable[each]!)]),
    ),
  };
  return {
    size: table.size,
    removed: changed.filter((each) => !isThere(each)),
    nodes,
    requested: {
      row: loaded,
      requested: Object.fromEntries(
        columns.map(([name, column]) => [name, loaded.map((each) => column.requested[each]!)]),
      ),
    },
  };
}

function podToScore({ pod, requests }: PodInfo): PodToScore {
  const { status: _status, ...rest } = pod;
  const { managedFields: _managedFields, ...metadata } = pod.metadata ?? {};
  return { pod: { ...rest, metadata }, requests: Object.fromEntries(requests) };
}
