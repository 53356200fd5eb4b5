import type { HorizontalPodAutoscaler, KubeObject } from 'orlop/plugin';

/** What `autoscaling/v1` has no fields for is kept in these annotations, so nothing is lost on the way. */
const METRICS = 'autoscaling.alpha.kubernetes.io/metrics';
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior';
const CURRENT = 'autoscaling.alpha.kubernetes.io/current-metrics';
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions';

type Spec = NonNullable<HorizontalPodAutoscaler['spec']>;
type Status = NonNullable<HorizontalPodAutoscaler['status']>;
type Older = KubeObject & {
  spec?: Spec & { targetCPUUtilizationPercentage?: number };
  status?: Status & { currentCPUUtilizationPercentage?: number };
};

function isCpu(metric: NonNullable<Spec['metrics']>[number]): boolean {
  return (
    metric.type === 'Resource' &&
    metric.resource?.name === 'cpu' &&
    metric.resource.target?.averageUtilization !== undefined
  );
}

/** From `autoscaling/v2` to `v1`, in place. Source: kubernetes `pkg/apis/autoscaling/v1/conversion.go`. */
export function toOlder(autoscaler: HorizontalPodAutoscaler): void {
  const { spec, status } = autoscaler as Older;
  const kept: Record<string, unknown> = {};
  if (spec) {
    const cpu = spec.metrics?.find(isCpu);
    if (cpu) spec.targetCPUUtilizationPercentage = cpu.resource!.target.averageUtilization!;
    kept[METRICS] = nonEmpty(spec.metrics?.filter((metric) => metric !== cpu));
    kept[BEHAVIOR] = spec.behavior;
    delete spec.metrics;
    delete spec.behavior;
  }
  if (status) {
    const cpu = status.currentMetrics?.find((metric) => metric.resource?.name === 'cpu');
    const used = cpu?.resource?.current?.averageUtilization;
    if (used !== undefined) status.currentCPUUtilizationPercentage = used;
    kept[CURRENT] = nonEmpty(status.currentMetrics?.filter((metric) => metric !== cpu));
    kept[CONDITIONS] = nonEmpty(status.conditions);
    delete status.currentMetrics;
    Object.assign(status, { conditions: undefined });
  }
  const annotations = { ...autoscaler.metadata?.annotations };
  for (const [name, value] of Object.entries(kept)) if (value) annotations[name] = JSON.stringify(value);
  if (Object.keys(annotations).length > 0) autoscaler.metadata = { ...autoscaler.metadata, annotations };
}

function nonEmpty<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list && list.length > 0 ? list : undefined;
}

/** From `autoscaling/v1` to `v2`, in place. */
export function toNewer(autoscaler: HorizontalPodAutoscaler): void {
  const { spec, status } = autoscaler as Older;
  const annotations = { ...autoscaler.metadata?.annotations };
  const restore = (name: string): unknown => {
    const text = annotations[name];
    delete annotations[name];
    return text === undefined ? undefined : parsed(text);
  };
  const list = (name: string): unknown => {
    const value = restore(name);
    return Array.isArray(value) ? value : undefined;
  };
  const metrics = list(METRICS) as Spec['metrics'];
  const behavior = restore(BEHAVIOR) as Spec['behavior'];
  const current = list(CURRENT) as Status['currentMetrics'];
  const conditions = list(CONDITIONS) as Status['conditions'];
  if (spec) {
    const cpu = spec.targetCPUUtilizationPercentage;
    const target = { type: 'Utilization', averageUtilization: cpu! };
    const all = [
      ...(metrics ?? []),
      ...(cpu === undefined ? [] : [{ type: 'Resource', resource: { name: 'cpu', target } }]),
    ];
    if (all.length > 0) spec.metrics = all;
    if (behavior) spec.behavior = behavior;
    delete spec.targetCPUUtilizationPercentage;
  }
  if (status) {
    const used = status.currentCPUUtilizationPercentage;
    const cpu = { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: used! } } };
    const all = [...(current ?? []), ...(used === undefined ? [] : [cpu])];
    if (all.length > 0) status.currentMetrics = all;
    if (conditions) status.conditions = conditions;
    delete status.currentCPUUtilizationPercentage;
  }
  if (!autoscaler.metadata?.annotations) return;
  const { annotations: _, ...metadata } = autoscaler.metadata;
  autoscaler.metadata = Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata;
}

/** Anybody may write annotations: what is no list or object counts as absent. */
function parsed(text: string): unknown {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
