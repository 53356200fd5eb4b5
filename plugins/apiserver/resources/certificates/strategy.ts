import { type CertificateSigningRequest, timestamp } from 'orlop/plugin';
import { each, requiredName, same } from '../checks.ts';
import { forbidden, invalid, required } from '../errors.ts';
import { dns1123Subdomain } from '../names.ts';
import type { FieldError, Strategy } from '../types.ts';

type Conditions = NonNullable<NonNullable<CertificateSigningRequest['status']>['conditions']>;

const HEADER = '-----BEGIN CERTIFICATE REQUEST-----';
const LEAST_SECONDS = 600;
const DECISIONS = ['Approved', 'Denied'];

/** Source: kubernetes `pkg/registry/certificates/certificates/strategy.go` and `pkg/apis/certificates/validation/validation.go`. */
export const signingRequestStrategy: Strategy<CertificateSigningRequest> = {
  default({ spec }) {
    if (spec && (spec.usages ?? []).length === 0) spec.usages = ['digital signature', 'key encipherment'];
  },
  // Who asks is who made the request, whatever the body says.
  prepareForCreate(request, user) {
    if (!user) return;
    const { username, groups, uid } = user;
    const { extra: _, ...spec } = request.spec ?? { request: '', signerName: '' };
    request.spec = { ...spec, username, groups, ...(uid === undefined ? {} : { uid }) };
  },
  prepareForUpdate(next, old) {
    next.spec = structuredClone(old.spec);
  },
  prepareForStatusUpdate(next, old, subresource) {
    const conditions = next.status?.conditions ?? [];
    if (subresource === 'approval') {
      // Nothing but the decision is made here.
      next.status = { ...structuredClone(old.status), conditions };
    }
    for (const condition of conditions) {
      const was = old.status?.conditions?.find(({ type }) => type === condition.type);
      condition.lastUpdateTime ??= timestamp();
      condition.lastTransitionTime ??=
        was && was.status === condition.status ? (was.lastTransitionTime ?? timestamp()) : timestamp();
    }
  },
  validate: validateRequest,
  validateStatusUpdate: validateDecision,
};

function validateRequest({ spec }: CertificateSigningRequest): FieldError[] {
  const { request = '', usages = [], signerName, expirationSeconds } = spec ?? {};
  const errors: FieldError[] = [];
  if (!Buffer.from(request, 'base64').toString('latin1').includes(HEADER)) {
    errors.push(invalid('spec.request', request, 'PEM block type must be CERTIFICATE REQUEST'));
  }
  if (usages.length === 0) errors.push(required('spec.usages'));
  errors.push(...requiredName(signerName, 'spec.signerName', signerCheck));
  if (expirationSeconds !== undefined && expirationSeconds < LEAST_SECONDS) {
    errors.push(
      invalid(
        'spec.expirationSeconds',
        expirationSeconds,
        `may not specify a duration less than ${LEAST_SECONDS} seconds (10 minutes)`,
      ),
    );
  }
  return errors;
}

function signerCheck(name: string): string[] {
  const [domain = '', ...path] = name.split('/');
  return path.length !== 1 || path[0] === ''
    ? ['must be a fully qualified domain and path of the form "example.com/signer-name"']
    : dns1123Subdomain(domain);
}

function validateDecision(
  next: CertificateSigningRequest,
  old: CertificateSigningRequest,
  subresource: string,
): FieldError[] {
  const at = 'status.conditions';
  const after = next.status?.conditions ?? [];
  const errors = each(after, at, ({ type, status }, conditionAt) => [
    ...(type ? [] : [required(`${conditionAt}.type`)]),
    ...(status ? [] : [required(`${conditionAt}.status`)]),
    ...(DECISIONS.includes(type) && status !== 'True'
      ? [invalid(`${conditionAt}.status`, status, 'must be "True"')]
      : []),
  ]);
  if (DECISIONS.every((type) => decided(after, type).length > 0)) {
    errors.push(invalid(at, 'Denied', 'Approved and Denied conditions are mutually exclusive'));
  }
  for (const type of DECISIONS) {
    const [now, before] = [decided(after, type), decided(old.status?.conditions ?? [], type)];
    if (before.length > 0 && !same(now, before)) {
      errors.push(forbidden(at, `updates may not remove a condition of type ${JSON.stringify(type)}`));
    } else if (subresource !== 'approval' && now.length > before.length) {
      errors.push(forbidden(at, `updates may not add a condition of type ${JSON.stringify(type)}`));
    }
  }
  return errors;
}

function decided(conditions: Conditions, type: string): string[] {
  return conditions.filter((each) => each.type === type).map(({ status }) => status);
}
