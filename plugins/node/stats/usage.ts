import type { ContainerStats, Measured, NodeStats, PodStats, Usage } from 'orlop/plugin';

/** What the node and its running containers had used at one time. */
export interface Sample {
  readonly node: ContainerStats;
  readonly pods: readonly PodSample[];
}

export interface PodSample {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Those that run. */
  readonly containers: readonly ContainerSample[];
}

export interface ContainerSample {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** `undefined`: it could not be measured. */
  readonly stats: ContainerStats | undefined;
}

/** A rate over less says little. */
const SHORTEST_MS = 200;

/** What was used between two samples. A container that started in between is measured from its start. */
export function usageBetween(before: Sample, after: Sample): NodeStats {
  const earlier = new Map(
    before.pods.flatMap(({ containers }) => containers.map(({ id, stats }) => [id, stats] as const)),
  );
  return {
    ...measured(before.node, after.node),
    usage: usage(before.node, after.node),
    pods: after.pods.flatMap((pod) => podUsage(pod, earlier) ?? []),
  };
}

function podUsage(
  { namespace, name, uid, containers }: PodSample,
  earlier: ReadonlyMap<string, ContainerStats | undefined>,
): PodStats | undefined {
  const spans = containers.map((container) => {
    const { id, stats, startedAt } = container;
    const before = earlier.get(id) ?? { timestamp: startedAt, usageCoreNanoSeconds: 0 };
    const isLong = stats !== undefined && stats.timestamp - before.timestamp >= SHORTEST_MS;
    return isLong ? { name: container.name, before, after: stats } : undefined;
  });
  if (spans.length === 0 || !spans.every((span) => span !== undefined)) return undefined;
  // One window stands for all its containers, as upstream: the oldest.
  const oldest = spans.reduce((a, b) => (a.after.timestamp <= b.after.timestamp ? a : b));
  return {
    ...measured(oldest.before, oldest.after),
    namespace,
    name,
    uid,
    containers: spans.map((span) => ({ name: span.name, usage: usage(span.before, span.after) })),
  };
}

type Counter = Pick<ContainerStats, 'timestamp' | 'usageCoreNanoSeconds'>;

function measured(before: Counter, after: Counter): Measured {
  const window = (after.timestamp - before.timestamp) / 1000;
  return { timestamp: new Date(after.timestamp).toISOString(), window };
}

function usage(before: Counter, after: ContainerStats): Usage {
  const seconds = (after.timestamp - before.timestamp) / 1000;
  const used = Math.max(after.usageCoreNanoSeconds - before.usageCoreNanoSeconds, 0);
  return {
    usageNanoCores: Math.round(used / seconds),
    usageCoreNanoSeconds: after.usageCoreNanoSeconds,
    workingSetBytes: after.workingSetBytes,
  };
}
