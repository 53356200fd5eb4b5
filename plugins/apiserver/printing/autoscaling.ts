import type { HorizontalPodAutoscaler, PodDisruptionBudget } from 'orlop/plugin';
import { column } from '../resources/row.ts';
import type { Column } from '../resources/types.ts';
import { shortList } from './text.ts';

const UNKNOWN = '<unknown>';
const SHOWN = 2;

type Metric = NonNullable<NonNullable<HorizontalPodAutoscaler['spec']>['metrics']>[number];
type Current = NonNullable<NonNullable<HorizontalPodAutoscaler['status']>['currentMetrics']>[number];
interface Amounts {
  value?: string;
  averageValue?: string;
  averageUtilization?: number;
}

function sourceOf(metric: Metric | Current | undefined): { target?: Amounts; current?: Amounts } | undefined {
  return metric?.resource ?? metric?.containerResource ?? metric?.pods ?? metric?.object ?? metric?.external;
}

/** `cpu: 12%/80%` */
function metricText(metric: Metric, current: Current | undefined): string {
  const target = sourceOf(metric)?.target ?? {};
  const now = sourceOf(current)?.current ?? {};
  const name = metric.type === 'Resource' ? `${metric.resource?.name ?? ''}: ` : '';
  if (target.averageUtilization !== undefined) {
    const used = now.averageUtilization === undefined ? UNKNOWN : `${now.averageUtilization}%`;
    return `${name}${used}/${target.averageUtilization}%`;
  }
  if (target.averageValue !== undefined) {
    const suffix = metric.type === 'Resource' || metric.type === 'Pods' ? '' : ' (avg)';
    return `${name}${now.averageValue ?? UNKNOWN}/${target.averageValue}${suffix}`;
  }
  return `${name}${now.value ?? UNKNOWN}/${target.value ?? UNKNOWN}`;
}

/** Source: kubernetes `printers/internalversion/printers.go`, printHorizontalPodAutoscaler. */
export const autoscalerColumns: readonly Column<HorizontalPodAutoscaler>[] = [
  column('Reference', ({ spec }) => `${spec?.scaleTargetRef?.kind}/${spec?.scaleTargetRef?.name}`),
  column('Targets', ({ spec, status }) => {
    const metrics = spec?.metrics ?? [];
    if (metrics.length === 0) return '<none>';
    return shortList(
      metrics.map((metric, i) => metricText(metric, status?.currentMetrics?.[i])),
      SHOWN,
      ', ',
    );
  }),
  column('MinPods', ({ spec }) => String(spec?.minReplicas ?? '<unset>')),
  column('MaxPods', ({ spec }) => spec?.maxReplicas ?? 0, { type: 'integer' }),
  column('Replicas', ({ status }) => status?.currentReplicas ?? 0, { type: 'integer' }),
];

/** Source: as above, printPodDisruptionBudget. */
export const disruptionBudgetColumns: readonly Column<PodDisruptionBudget>[] = [
  column('Min Available', ({ spec }) => String(spec?.minAvailable ?? 'N/A')),
  column('Max Unavailable', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
  column('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed ?? 0, { type: 'integer' }),
];
