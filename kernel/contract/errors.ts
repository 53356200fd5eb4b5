/**
 * Errors a user may see. Each maps to one reason of a Kubernetes `Status` (API conventions, "Response Status Kind"),
 * so that the HTTP API can answer with it unchanged. The message says what happened, where, and what to do next.
 */
export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Expired'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'Invalid'
  | 'TooManyRequests'
  | 'InternalError'
  | 'ServiceUnavailable'
  | 'Timeout';

const CODES: Record<StatusReason, number> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
};

/** One cause of an `Invalid` or `Conflict` refusal. */
export interface StatusCause {
  /** e.g. `FieldValueRequired`, `FieldManagerConflict`. */
  reason: string;
  message: string;
  /** Path of the field, e.g. `spec.replicas`. */
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  /** As upstream: the resource's plural name, or the kind for `Invalid`. */
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** The body kubectl prints: `v1` `Status`. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: object;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: StatusReason;
  details?: StatusDetails;
  code: number;
}

/** An expected refusal, carried as an exception only where a value cannot be returned. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly reason: StatusReason;
  readonly details: StatusDetails;

  constructor(reason: StatusReason, message: string, details: StatusDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.details = details;
  }

  /** The HTTP status code of the reason. */
  get code(): number {
    return CODES[this.reason];
  }

  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      details: this.details,
      code: this.code,
    };
  }

  /** Rebuilds an error from a `Status` body, e.g. one that crossed the bus. */
  static fromStatus(status: Pick<Status, 'reason' | 'message' | 'details'>): StatusError {
    return new StatusError(
      status.reason ?? 'InternalError',
      status.message ?? 'unknown error',
      status.details,
    );
  }
}

/** `deployments.apps`, or `pods` for the core group: how upstream's messages name a resource. */
export function qualifiedResource(resource: { group: string; resource: string }): string {
  return resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`;
}

type Named = { group: string; resource: string };

export function notFound(resource: Named, name: string): StatusError {
  return new StatusError('NotFound', `${qualifiedResource(resource)} "${name}" not found`, {
    name,
    group: resource.group,
    kind: resource.resource,
  });
}

export function alreadyExists(resource: Named, name: string): StatusError {
  return new StatusError('AlreadyExists', `${qualifiedResource(resource)} "${name}" already exists`, {
    name,
    group: resource.group,
    kind: resource.resource,
  });
}

/** A lost optimistic-concurrency race: read the object again and retry. */
export function conflict(resource: Named, name: string, why?: string): StatusError {
  const reason =
    why ?? 'the object has been modified; please apply your changes to the latest version and try again';
  return new StatusError(
    'Conflict',
    `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${reason}`,
    { name, group: resource.group, kind: resource.resource },
  );
}

/** A revision older than what is kept; list again. */
export function expired(message: string): StatusError {
  return new StatusError('Expired', message);
}

export function isStatus(error: unknown, ...reasons: StatusReason[]): error is StatusError {
  return error instanceof StatusError && (reasons.length === 0 || reasons.includes(error.reason));
}

/** Any thrown value as a `StatusError`; an unexpected one becomes an `InternalError` that keeps its cause. */
export function asStatusError(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StatusError('InternalError', message, {}, { cause: error });
}
