import { type DeleteOptions, StatusError } from 'orlop/plugin';
import { forbidden, invalid, invalidObject, tooLong, unsupported } from '../resources/errors.ts';
import type { FieldError } from '../resources/types.ts';
import type { FieldValidation } from '../schemas/types.ts';

/** Query parameters of writes. Source: meta/v1 CreateOptions, UpdateOptions, PatchOptions. */
export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  readonly force: boolean;
}

const MOST_MANAGER = 128;

type OptionsKind =
  | 'CreateOptions'
  | 'UpdateOptions'
  | 'PatchOptions'
  | 'DeleteOptions'
  | 'ListOptions'
  | 'TableOptions';

/** As upstream says it of options: they are an object of meta.k8s.io. */
export function invalidOptions(kind: OptionsKind, ...errors: FieldError[]): StatusError {
  return invalidObject({ group: 'meta.k8s.io', version: 'v1', kind }, '', errors);
}

/** Throws BadRequest or Invalid. */
export function writeOptions(
  query: URLSearchParams,
  userAgent: string,
  kind: OptionsKind = 'UpdateOptions',
): WriteOptions {
  const fieldManager = query.get('fieldManager') ?? '';
  if (fieldManager.length > MOST_MANAGER) throw invalidOptions(kind, tooLong('fieldManager', MOST_MANAGER));
  return {
    dryRun: isDryRun(query.getAll('dryRun'), kind),
    fieldManager: fieldManager || (userAgent.split('/')[0] || 'unknown').slice(0, MOST_MANAGER),
    fieldValidation: fieldValidation(query.get('fieldValidation'), kind),
    force: flag(query, 'force') ?? false,
  };
}

function isDryRun(values: readonly string[], kind: OptionsKind): boolean {
  const wrong = values.find((value) => value !== 'All' && value !== '');
  if (wrong !== undefined) throw invalidOptions(kind, unsupported('dryRun', wrong, ['All']));
  return values.includes('All');
}

function fieldValidation(value: string | null, kind: OptionsKind): FieldValidation {
  switch (value) {
    case null:
    case '':
      return 'Warn';
    case 'Ignore':
    case 'Warn':
    case 'Strict':
      return value;
    default:
      throw invalidOptions(kind, unsupported('fieldValidation', value, ['Ignore', 'Strict', 'Warn']));
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
  if (wrong) throw invalidOptions('ListOptions', wrong);
  return options;
}

function wrongList(options: ListQuery): FieldError | undefined {
  const { resourceVersion: version, resourceVersionMatch: match } = options;
  const matchIsForbidden = (why: string): FieldError =>
    forbidden('resourceVersionMatch', `resourceVersionMatch ${why}`);
  if (options.sendInitialEvents !== undefined)
    return forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  if (match && options.continue) return matchIsForbidden('is forbidden when continue is provided');
  if (options.continue && version) {
    throw new StatusError('BadRequest', 'specifying resource version is not allowed when using continue');
  }
  if (match && version === undefined)
    return matchIsForbidden('is forbidden unless resourceVersion is provided');
  return match === 'Exact' && version === 0
    ? matchIsForbidden('"exact" is forbidden for resourceVersion "0"')
    : undefined;
}

function wrongWatch(options: ListQuery): FieldError | undefined {
  const { sendInitialEvents, resourceVersionMatch: match } = options;
  if (sendInitialEvents === undefined) {
    return match
      ? forbidden(
          'resourceVersionMatch',
          'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
        )
      : undefined;
  }
  if (match !== 'NotOlderThan') {
    return forbidden(
      'resourceVersionMatch',
      'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  }
  return options.continue ? forbidden('continue', 'continue is forbidden for watch') : undefined;
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
  throw invalidOptions(
    'ListOptions',
    unsupported('resourceVersionMatch', text, ['Exact', 'NotOlderThan', '']),
  );
}

const POLICIES = ['Background', 'Foreground', 'Orphan'];

/** DeleteOptions from the query, overridden by those of the body. Throws BadRequest or Invalid. */
export function deleteOptions(
  query: URLSearchParams,
  body: Record<string, unknown>,
): DeleteOptions & { dryRun: boolean } {
  const preconditions = (body['preconditions'] ?? {}) as { uid?: string; resourceVersion?: string };
  const policy = body['propagationPolicy'] ?? query.get('propagationPolicy') ?? undefined;
  const orphan = body['orphanDependents'] ?? flag(query, 'orphanDependents');
  if (policy !== undefined && !POLICIES.includes(policy as string)) {
    throw invalidOptions('DeleteOptions', unsupported('propagationPolicy', policy, [...POLICIES, 'nil']));
  }
  if (policy !== undefined && orphan !== undefined) {
    throw invalidOptions(
      'DeleteOptions',
      invalid('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'),
    );
  }
  const grace = body['gracePeriodSeconds'] ?? count(query, 'gracePeriodSeconds');
  if (grace !== undefined && grace !== null && !Number.isInteger(grace)) {
    throw new StatusError('BadRequest', 'gracePeriodSeconds must be a whole number of seconds');
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
    dryRun: isDryRun(dryRun, 'DeleteOptions'),
  };
}
