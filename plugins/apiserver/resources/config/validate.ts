import type { ConfigMap, Secret } from 'orlop/plugin';
import { named, same } from '../checks.ts';
import { forbidden, invalid, required, tooLong } from '../errors.ts';
import { IMMUTABLE } from '../metadata.ts';
import { configMapKey } from '../names.ts';
import type { FieldError } from '../types.ts';

const MAX_SIZE = 1024 * 1024;

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, ValidateConfigMap. */
export function validateConfigMap({ data = {}, binaryData = {} }: ConfigMap): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    errors.push(...named(key, `data[${key}]`, configMapKey));
    if (binaryData[key] !== undefined) {
      errors.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    }
    size += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    errors.push(...named(key, `binaryData[${key}]`, configMapKey));
    size += Buffer.byteLength(value, 'base64');
  }
  if (size > MAX_SIZE) errors.push(tooLong('', MAX_SIZE));
  return errors;
}

/** What each built-in type of Secret must hold. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

export function validateSecret({ type = '', data = {}, metadata }: Secret): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    errors.push(...named(key, `data[${key}]`, configMapKey));
    size += Buffer.byteLength(value, 'base64');
  }
  if (size > MAX_SIZE) errors.push(tooLong('data', MAX_SIZE));
  for (const key of Object.hasOwn(REQUIRED_KEYS, type) ? REQUIRED_KEYS[type]! : []) {
    if (data[key] === undefined) errors.push(required(`data[${key}]`));
  }
  if (type === 'kubernetes.io/basic-auth' && !data['username'] && !data['password']) {
    errors.push(required('data[username]'), required('data[password]'));
  }
  if (
    type === 'kubernetes.io/service-account-token' &&
    !metadata?.annotations?.['kubernetes.io/service-account.name']
  ) {
    errors.push(required('metadata.annotations[kubernetes.io/service-account.name]'));
  }
  return errors;
}

export function validateConfigMapUpdate(next: ConfigMap, old: ConfigMap): FieldError[] {
  return validateImmutable(next, old, ['data', 'binaryData']);
}

export function validateSecretUpdate(next: Secret, old: Secret): FieldError[] {
  const errors = validateImmutable(next, old, ['data']);
  if (next.type !== old.type) errors.push(invalid('type', next.type, IMMUTABLE));
  return errors;
}

function validateImmutable<T extends { immutable?: boolean }>(
  next: T,
  old: T,
  fields: readonly (keyof T & string)[],
): FieldError[] {
  if (!old.immutable) return [];
  const errors = next.immutable ? [] : [forbidden('immutable', 'field is immutable when `immutable` is set')];
  for (const field of fields) {
    if (!same(next[field], old[field])) {
      errors.push(forbidden(field, 'field is immutable when `immutable` is set'));
    }
  }
  return errors;
}
