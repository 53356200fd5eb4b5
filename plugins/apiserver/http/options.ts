import { type DeleteOptions, StatusError } from 'orlop/plugin';
import type { FieldValidation } from '../schemas/types.ts';

/** Query parameters of writes. Source: meta/v1 CreateOptions, UpdateOptions, PatchOptions. */
export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  readonly force: boolean;
}

const MOST_MANAGER = 128;

/** Throws BadRequest or Invalid. */
export function writeOptions(query: URLSearchParams, userAgent: string): WriteOptions {
  const fieldManager = query.get('fieldManager') ?? '';
  if (fieldManager.length > MOST_MANAGER) {
    throw new StatusError('Invalid', `fieldManager: Too long: may not be more than ${MOST_MANAGER} bytes`);
  }
  return {
    dryRun: isDryRun(query.getAll('dryRun')),
    fieldManager: fieldManager || (userAgent.split('/')[0] || 'unknown').slice(0, MOST_MANAGER),
    fieldValidation: fieldValidation(query.get('fieldValidation')),
    force: flag(query, 'force') ?? false,
  };
}

export function isDryRun(values: readonly string[]): boolean {
  for (const value of values) {
    if (value !== 'All' && value !== '') {
      throw new StatusError(
        'Invalid',
        `dryRun: Unsupported value: ${JSON.stringify(value)}: supported values: "All"`,
      );
    }
  }
  return values.includes('All');
}

function fieldValidation(value: string | null): FieldValidation {
  switch (value) {
    case null:
    case '':
      return 'Warn';
    case 'Ignore':
    case 'Warn':
    case 'Strict':
      return value;
    default:
      throw new StatusError(
        'Invalid',
        `fieldValidation: Unsupported value: ${JSON.stringify(value)}: supported values: "Ignore", "Strict", "Warn"`,
      );
  }
}

/** `undefined` when absent. Go's strconv.ParseBool decides what is true. */
export function flag(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  if (value === null || value === '') return value === '' ? true : undefined;
  return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value);
}

/** A whole number that is not negative. Throws BadRequest. */
export function count(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^\d{1,15}$/.test(value)) {
    throw new StatusError(
      'BadRequest',
      `invalid query parameter: ${name} must be a whole number, not ${JSON.stringify(value)}`,
    );
  }
  return Number(value);
}

/** Query parameters of reads. Source: meta/v1 ListOptions. */
export interface ListQuery {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  /** A whole number; `undefined` when not given. */
  readonly resourceVersion: number | undefined;
  readonly resourceVersionMatch: 'Exact' | 'NotOlderThan' | undefined;
  readonly limit: number | undefined;
  readonly continue: string | undefined;
  readonly watch: boolean;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  readonly timeoutSeconds: number | undefined;
}

/** Throws BadRequest or Invalid, as upstream's `ValidateListOptions`. */
export function listQuery(query: URLSearchParams, isWatchPath = false): ListQuery {
  const options: ListQuery = {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    resourceVersion: resourceVersion(query.get('resourceVersion')),
    resourceVersionMatch: versionMatch(query.get('resourceVersionMatch')),
    limit: count(query, 'limit') || undefined,
    continue: query.get('continue') || undefined,
    watch: isWatchPath || (flag(query, 'watch') ?? false),
    allowWatchBookmarks: flag(query, 'allowWatchBookmarks') ?? false,
    sendInitialEvents: flag(query, 'sendInitialEvents'),
    timeoutSeconds: count(query, 'timeoutSeconds'),
  };
  const wrong = options.watch ? wrongWatch(options) : wrongList(options);
  if (wrong) throw new StatusError('Invalid', `ListOptions.meta.k8s.io "" is invalid: ${wrong}`);
  return options;
}

function wrongList(options: ListQuery): string | undefined {
  const { resourceVersion: version, resourceVersionMatch: match } = options;
  if (options.sendInitialEvents !== undefined)
    return 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list';
  if (!match) return undefined;
  if (options.continue)
    return 'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided';
  if (version === undefined) {
    return 'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided';
  }
  if (match === 'Exact' && version === 0) {
    return 'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"';
  }
  return undefined;
}

function wrongWatch(options: ListQuery): string | undefined {
  const { sendInitialEvents, resourceVersionMatch: match } = options;
  if (sendInitialEvents === undefined) {
    return (
      match &&
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'
    );
  }
  if (match !== 'NotOlderThan') {
    return `resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan`;
  }
  if (options.continue) return 'continue: Forbidden: continue is forbidden for watch';
  return undefined;
}

export function resourceVersion(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw new StatusError(
      'BadRequest',
      `Invalid value: ${JSON.stringify(text)}: resourceVersion must be a whole number`,
    );
  }
  return Number(text);
}

function versionMatch(text: string | null): 'Exact' | 'NotOlderThan' | undefined {
  if (text === null || text === '') return undefined;
  if (text === 'Exact' || text === 'NotOlderThan') return text;
  throw new StatusError(
    'Invalid',
    `resourceVersionMatch: Unsupported value: ${JSON.stringify(text)}: supported values: "Exact", "NotOlderThan", ""`,
  );
}

/** DeleteOptions from the query, overridden by those of the body. Throws BadRequest or Invalid. */
export function deleteOptions(
  query: URLSearchParams,
  body: Record<string, unknown>,
): DeleteOptions & { dryRun: boolean } {
  const preconditions = (body['preconditions'] ?? {}) as { uid?: string; resourceVersion?: string };
  const policy = body['propagationPolicy'] ?? query.get('propagationPolicy') ?? undefined;
  const orphan = body['orphanDependents'] ?? flag(query, 'orphanDependents');
  if (policy !== undefined && !['Background', 'Foreground', 'Orphan'].includes(policy as string)) {
    throw new StatusError(
      'Invalid',
      `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: ${JSON.stringify(policy)}: supported values: "Background", "Foreground", "Orphan", "nil"`,
    );
  }
  const grace = body['gracePeriodSeconds'] ?? count(query, 'gracePeriodSeconds');
  if (grace !== undefined && grace !== null && (!Number.isInteger(grace) || (grace as number) < -1)) {
    throw new StatusError('BadRequest', 'gracePeriodSeconds must be a whole number of seconds, 0 or more');
  }
  const dryRun = [...query.getAll('dryRun'), ...((body['dryRun'] as string[] | undefined) ?? [])];
  return {
    uid: preconditions.uid,
    revision:
      preconditions.resourceVersion === undefined
        ? undefined
        : resourceVersion(preconditions.resourceVersion),
    // Upstream takes a negative period for the smallest one.
    gracePeriodSeconds: typeof grace === 'number' ? (grace < 0 ? 1 : grace) : undefined,
    propagationPolicy:
      (policy as DeleteOptions['propagationPolicy']) ?? (orphan === true ? 'Orphan' : undefined),
    dryRun: isDryRun(dryRun),
  };
}
