import {
  type HorizontalPodAutoscaler,
  HorizontalPodAutoscalers,
  type LimitRange,
  LimitRanges,
  type PodDisruptionBudget,
  PodDisruptionBudgets,
  type PriorityClass,
  PriorityClasses,
  type ResourceQuota,
  ResourceQuotas,
} from 'orlop/plugin';
import { autoscalerColumns, disruptionBudgetColumns } from '../../printing/autoscaling.ts';
import { createdColumns, priorityClassColumns, resourceQuotaColumns } from '../../printing/policies.ts';
import { autoscalerStrategy } from '../autoscaling/strategy.ts';
import { toNewer, toOlder } from '../autoscaling/v1.ts';
import { disruptionBudgetStrategy, priorityClassStrategy } from '../policy/strategy.ts';
import { limitRangeStrategy, resourceQuotaStrategy } from '../quota/strategy.ts';
import { row } from '../row.ts';
import type { ResourceRow } from '../types.ts';
import { olderVersion } from '../versions.ts';

const autoscalers = row<HorizontalPodAutoscaler>(HorizontalPodAutoscalers, {
  shortNames: ['hpa'],
  categories: ['all'],
  subresources: ['status'],
  strategy: autoscalerStrategy,
  columns: autoscalerColumns,
});

/** How much may run, and in what order. */
export const policyRows: readonly ResourceRow[] = [
  autoscalers,
  olderVersion<HorizontalPodAutoscaler>(autoscalers, 'v1', { fromStorage: toOlder, toStorage: toNewer }),
  row<PodDisruptionBudget>(PodDisruptionBudgets, {
    shortNames: ['pdb'],
    subresources: ['status'],
    strategy: disruptionBudgetStrategy,
    columns: disruptionBudgetColumns,
  }),
  row<PriorityClass>(PriorityClasses, {
    shortNames: ['pc'],
    strategy: priorityClassStrategy,
    columns: priorityClassColumns,
  }),
  row<ResourceQuota>(ResourceQuotas, {
    shortNames: ['quota'],
    subresources: ['status'],
    strategy: resourceQuotaStrategy,
    columns: resourceQuotaColumns,
  }),
  row<LimitRange>(LimitRanges, {
    shortNames: ['limits'],
    strategy: limitRangeStrategy,
    columns: createdColumns,
  }),
];
