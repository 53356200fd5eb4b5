import type { Measured, NodeStats, Usage } from 'orlop/plugin';

/** The body of `/stats/summary`. Source: kubelet `pkg/apis/stats/v1alpha1/types.go`. */
export function statsSummary(nodeName: string, stats: NodeStats): object {
  return {
    node: { nodeName, ...measures(stats.usage, stats) },
    pods: stats.pods.map((pod) => ({
      podRef: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
      containers: pod.containers.map(({ name, usage }) => ({ name, ...measures(usage, pod) })),
      ...measures(sum(pod.containers.map(({ usage }) => usage)), pod),
    })),
  };
}

function measures(usage: Usage, { timestamp: time }: Measured): object {
  const { usageNanoCores, usageCoreNanoSeconds, workingSetBytes } = usage;
  return { cpu: { time, usageNanoCores, usageCoreNanoSeconds }, memory: { time, workingSetBytes } };
}

function sum(usages: readonly Usage[]): Usage {
  const total = (field: keyof Usage): number => usages.reduce((all, usage) => all + usage[field], 0);
  return {
    usageNanoCores: total('usageNanoCores'),
    usageCoreNanoSeconds: total('usageCoreNanoSeconds'),
    workingSetBytes: total('workingSetBytes'),
  };
}

type Sample = [labels: Record<string, string>, usage: Usage, at: Measured];

/** The body of `/metrics/resource`, for Prometheus. Source: kubelet `pkg/kubelet/metrics/collectors/resource_metrics.go`. */
export function resourceMetrics(stats: NodeStats): string {
  const pods = stats.pods.map((pod): Sample => {
    const labels = { namespace: pod.namespace, pod: pod.name };
    return [labels, sum(pod.containers.map(({ usage }) => usage)), pod];
  });
  const containers = stats.pods.flatMap((pod) =>
    pod.containers.map(({ name, usage }): Sample => {
      return [{ container: name, namespace: pod.namespace, pod: pod.name }, usage, pod];
    }),
  );
  return [
    ...both('container', containers),
    ...both('node', [[{}, stats.usage, stats]]),
    ...both('pod', pods),
    '# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
    '# TYPE resource_scrape_error gauge',
    'resource_scrape_error 0',
    '',
  ].join('\n');
}

function both(what: string, samples: readonly Sample[]): string[] {
  return [
    `# HELP ${what}_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the ${what} in core-seconds`,
    `# TYPE ${what}_cpu_usage_seconds_total counter`,
    ...samples.map(([labels, usage, at]) =>
      line(`${what}_cpu_usage_seconds_total`, labels, usage.usageCoreNanoSeconds / 1e9, at),
    ),
    `# HELP ${what}_memory_working_set_bytes [STABLE] Current working set of the ${what} in bytes`,
    `# TYPE ${what}_memory_working_set_bytes gauge`,
    ...samples.map(([labels, usage, at]) =>
      line(`${what}_memory_working_set_bytes`, labels, usage.workingSetBytes, at),
    ),
  ];
}

/** Names of objects hold nothing that would have to be escaped. */
function line(name: string, labels: Record<string, string>, value: number, { timestamp }: Measured): string {
  const list = Object.entries(labels).map(([key, text]) => `${key}="${text}"`);
  const set = list.length === 0 ? '' : `{${list.join(',')}}`;
  return `${name}${set} ${value} ${Date.parse(timestamp)}`;
}
