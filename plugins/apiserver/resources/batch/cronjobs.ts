import type { CronJob } from 'orlop/plugin';
import { nonNegative, oneOf, same } from '../checks.ts';
import { invalid, required } from '../errors.ts';
import { dns1123Subdomain } from '../names.ts';
import { nameWarnings, templateWarnings } from '../pods/warnings.ts';
import type { FieldError, Strategy } from '../types.ts';
import { defaultJobSpec, validateJobSpec } from './jobs.ts';
import { scheduleError } from './schedule.ts';

/** Its jobs' names end in `-` and ten digits. */
const MAX_NAME = 52;

/** Source: kubernetes `pkg/apis/batch/v1/defaults.go` and `pkg/apis/batch/validation/validation.go`, CronJob. */
export const cronJobStrategy: Strategy<CronJob> = {
  validateName: (name) => [
    ...dns1123Subdomain(name),
    ...(name.length > MAX_NAME ? [`must be no more than ${MAX_NAME} characters`] : []),
  ],
  default({ spec }) {
    if (!spec) return;
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    defaultJobSpec(spec.jobTemplate?.spec);
  },
  validate({ spec }) {
    const job = spec?.jobTemplate?.spec;
    return [
      ...validateSchedule(spec?.schedule, spec?.timeZone),
      ...nonNegative(spec?.startingDeadlineSeconds, 'spec.startingDeadlineSeconds'),
      ...oneOf(spec?.concurrencyPolicy, 'spec.concurrencyPolicy', ['Allow', 'Forbid', 'Replace']),
      ...nonNegative(spec?.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit'),
      ...nonNegative(spec?.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit'),
      ...validateJobSpec(job, 'spec.jobTemplate.spec'),
      ...(job?.manualSelector
        ? [
            invalid(
              'spec.jobTemplate.spec.manualSelector',
              true,
              'must be unset; the selector of each job is generated',
            ),
          ]
        : []),
    ];
  },
  warnings: (next, old) =>
    old && same(next.spec, old.spec)
      ? []
      : [
          ...(old ? [] : nameWarnings(next.metadata?.name, 'Pod names and hostnames')),
          ...templateWarnings(next.spec?.jobTemplate?.spec?.template, 'spec.jobTemplate.spec.template'),
        ],
};

function validateSchedule(schedule: string | undefined, timeZone: string | undefined): FieldError[] {
  if (!schedule) return [required('spec.schedule')];
  const wrong = scheduleError(schedule);
  const errors = wrong === undefined ? [] : [invalid('spec.schedule', schedule, wrong)];
  if (schedule.includes('TZ=')) {
    errors.push(
      invalid('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'),
    );
  }
  if (timeZone === undefined) return errors;
  if (timeZone === '')
    errors.push(invalid('spec.timeZone', timeZone, 'timeZone must be nil or non-empty string'));
  else if (timeZone.toLowerCase() === 'local') {
    errors.push(
      invalid(
        'spec.timeZone',
        timeZone,
        'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      ),
    );
  } else if (!isTimeZone(timeZone)) {
    errors.push(invalid('spec.timeZone', timeZone, `unknown time zone ${timeZone}`));
  }
  return errors;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
