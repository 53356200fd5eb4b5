import { type CronJob, CronJobs, type Job, Jobs } from 'orlop/plugin';
import { cronJobColumns, jobColumns } from '../../printing/batch.ts';
import { cronJobStrategy } from '../batch/cronjobs.ts';
import { jobStrategy } from '../batch/jobs.ts';
import { row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export const batchRows: readonly ResourceRow[] = [
  row<Job>(Jobs, {
    categories: ['all'],
    subresources: ['status'],
    strategy: jobStrategy,
    columns: jobColumns,
    fieldSelectors: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  }),
  row<CronJob>(CronJobs, {
    shortNames: ['cj'],
    categories: ['all'],
    subresources: ['status'],
    strategy: cronJobStrategy,
    columns: cronJobColumns,
  }),
];
