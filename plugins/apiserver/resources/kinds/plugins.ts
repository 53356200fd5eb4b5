import {
  findCondition,
  isBlobReference,
  isPluginRunning,
  memoryLimitProblem,
  type PluginObject,
  Plugins,
  parseIsolation,
} from 'orlop/plugin';
import { each, optionalOneOf } from '../checks.ts';
import { invalid, required } from '../errors.ts';
import { validateLabels } from '../metadata.ts';
import { dns1123Label } from '../names.ts';
import { column, row } from '../row.ts';
import type { FieldError, ResourceRow } from '../types.ts';

const ROLES = ['server', 'node'];
const BLOB = 'must be "blob:sha256-" and 64 hexadecimal digits, as `orlop plugin push` prints it';
const ISOLATION = 'must be "inline", "process" or "worker/NAME", NAME a DNS label';

export const pluginRow: ResourceRow = row<PluginObject>(Plugins, {
  categories: ['orlop'],
  subresources: ['status'],
  strategy: {
    validateName: dns1123Label,
    default(plugin) {
      // The schema does not require it: `{}` runs a standard plugin as it is.
      plugin.spec ??= {};
    },
    validate,
  },
  columns: [
    column('Kind', ({ spec, status }) => status?.kind ?? spec?.kind ?? ''),
    column('Version', ({ spec, status }) => status?.version ?? spec?.version ?? ''),
    column('Ready', ready),
    column('Phase', ({ metadata, status }) =>
      metadata?.deletionTimestamp === undefined ? (status?.phase ?? 'Pending') : 'Terminating',
    ),
    column('Healthy', ({ status }) =>
      status?.healthy === undefined ? 'Unknown' : status.healthy ? 'True' : 'False',
    ),
    column('Restarts', ({ status }) =>
      (status?.instances ?? []).reduce((sum, { restarts = 0 }) => sum + restarts, 0),
    ),
    column('Isolation', ({ spec, status }) => status?.isolation ?? spec?.isolation ?? 'inline', {
      wide: true,
    }),
    column('Revision', ({ status }) => status?.revision ?? '', { wide: true }),
    column('Where', where, { wide: true }),
    column('Message', message, { wide: true }),
  ],
});

function validate({ spec = {} }: PluginObject): FieldError[] {
  const { isolation, module, placement, version } = spec;
  const { roles, nodeSelector } = placement ?? {};
  const memory = spec.resources?.limits?.memory;
  const problem = memory === undefined ? undefined : memoryLimitProblem(memory);
  const empty = Object.entries({ module, version }).filter(([, value]) => value === '');
  return [
    ...empty.map(([field]) => invalid(`spec.${field}`, '', 'must not be empty')),
    ...(module?.startsWith('blob:') && !isBlobReference(module)
      ? [invalid('spec.module', module, BLOB)]
      : []),
    ...(isolation === undefined || parseIsolation(isolation)
      ? []
      : [invalid('spec.isolation', isolation, ISOLATION)]),
    ...(problem === undefined ? [] : [invalid('spec.resources.limits.memory', memory, problem)]),
    ...(placement && !roles && !nodeSelector
      ? [required('spec.placement', 'name `roles`, a `nodeSelector`, or both')]
      : []),
    ...(roles?.length === 0 ? [required('spec.placement.roles', 'name at least one')] : []),
    ...each(roles, 'spec.placement.roles', (role, at) => optionalOneOf(role, at, ROLES)),
    ...validateLabels(nodeSelector, 'spec.placement.nodeSelector'),
  ];
}

/** Instances that run well, of those that are to run: neither skipped nor waiting for another kernel's lease. */
function ready({ status }: PluginObject): string {
  const meant = (status?.instances ?? []).filter(({ phase }) => phase !== 'Skipped' && phase !== 'Standby');
  return `${meant.filter((one) => isPluginRunning(one) && one.healthy).length}/${meant.length}`;
}

/** The nodes and other kernels that run it. */
function where({ status }: PluginObject): string {
  const running = (status?.instances ?? []).filter(isPluginRunning);
  return running.map(({ kernel, node }) => node ?? kernel).join(',');
}

/** What somebody who looks should know first: that it is not as asked, then how it is, then what was wrong with it. */
function message({ status }: PluginObject): string {
  const { phase, reason, message: now, lastError, conditions, migration } = status ?? {};
  const applied = findCondition(conditions, 'Applied');
  if (applied?.status === 'False' && phase !== 'Failed')
    return `${applied.reason === 'Refused' ? 'refused' : applied.reason}: ${applied.message}`;
  if (migration?.left) return `${migration.left} Secrets are still encoded as before`;
  if (now !== undefined) return reason === undefined ? now : `${reason}: ${now}`;
  return lastError === undefined ? '' : `failed before: ${lastError}`;
}
