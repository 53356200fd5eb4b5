import { type CronJob, findCondition, type Job } from 'orlop/plugin';
import { column } from '../resources/row.ts';
import type { Column } from '../resources/types.ts';
import { imageColumns, templateColumns } from './apps.ts';
import { age, humanDuration } from './duration.ts';

const NONE = '<none>';

function isTrue(job: Job, type: string): boolean {
  return findCondition(job.status?.conditions, type)?.status === 'True';
}

function statusOf(job: Job): string {
  const ended = ['Complete', 'Failed'].find((type) => isTrue(job, type));
  if (ended) return ended;
  if (job.metadata?.deletionTimestamp !== undefined) return 'Terminating';
  for (const type of ['Suspended', 'FailureTarget', 'SuccessCriteriaMet']) if (isTrue(job, type)) return type;
  return 'Running';
}

function completions({ spec, status }: Job): string {
  const done = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${done}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
}

function duration({ status }: Job, now: number): string {
  if (status?.startTime === undefined) return '';
  const end = status.completionTime === undefined ? now : Date.parse(status.completionTime);
  return humanDuration(end - Date.parse(status.startTime));
}

/** Source: kubernetes `printers/internalversion/printers.go`, printJob and printCronJob. */
export const jobColumns: readonly Column<Job>[] = [
  column('Status', statusOf),
  column('Completions', completions),
  column('Duration', duration),
  ...templateColumns<Job>(),
];

export const cronJobColumns: readonly Column<CronJob>[] = [
  column('Schedule', ({ spec }) => spec?.schedule ?? ''),
  column('Timezone', ({ spec }) => spec?.timeZone ?? NONE),
  column('Suspend', ({ spec }) => (spec?.suspend ? 'True' : 'False')),
  column('Active', ({ status }) => status?.active?.length ?? 0, { type: 'integer' }),
  column('Last Schedule', ({ status }, now) =>
    status?.lastScheduleTime === undefined ? NONE : age(status.lastScheduleTime, now),
  ),
  ...imageColumns<CronJob>(({ spec }) => spec?.jobTemplate?.spec?.template),
  column('Selector', () => NONE, { wide: true }),
];
