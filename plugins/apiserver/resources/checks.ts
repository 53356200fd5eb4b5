import { duplicate, forbidden, invalid, required, unsupported } from './errors.ts';
import { IMMUTABLE } from './metadata.ts';
import type { NameCheck } from './names.ts';
import { dns1123Subdomain, portName } from './names.ts';
import type { FieldError } from './types.ts';

/** Checks of single values that many kinds share. Source: kubernetes `apis/core/validation` and apimachinery `api/validation`. */

export function nonNegative(value: number | undefined, field: string): FieldError[] {
  return value !== undefined && value < 0
    ? [invalid(field, value, 'must be greater than or equal to 0')]
    : [];
}

export function portNumber(value: number | undefined, field: string): FieldError[] {
  return value === undefined || value < 1 || value > 65_535
    ? [invalid(field, value ?? 0, 'must be between 1 and 65535, inclusive')]
    : [];
}

/** A number, or the name of a container's port. */
export function portNumberOrName(value: number | string | undefined, field: string): FieldError[] {
  return typeof value === 'string' ? named(value, field, portName) : portNumber(value, field);
}

export function named(value: string, field: string, check: NameCheck): FieldError[] {
  return check(value).map((detail) => invalid(field, value, detail));
}

/** Required, and well formed. */
export function requiredName(
  value: string | undefined,
  field: string,
  check: NameCheck = () => [],
): FieldError[] {
  return value ? named(value, field, check) : [required(field)];
}

/** Well formed where there is one. */
export function optionalName(
  value: string | undefined,
  field: string,
  check: NameCheck = dns1123Subdomain,
): FieldError[] {
  return value ? named(value, field, check) : [];
}

/** Within bounds where there is one, both inclusive. */
export function between(value: number | undefined, field: string, least: number, most: number): FieldError[] {
  return value !== undefined && (value < least || value > most)
    ? [invalid(field, value, `must be between ${least} and ${most}, inclusive`)]
    : [];
}

export function positive(value: number | undefined, field: string): FieldError[] {
  return value !== undefined && value <= 0 ? [invalid(field, value, 'must be greater than 0')] : [];
}

/** A number of pods, or a percentage. */
export function amount(value: number | string | undefined, field: string): FieldError[] {
  if (typeof value !== 'string') return nonNegative(value, field);
  return /^\d+%$/.test(value)
    ? []
    : [
        invalid(
          field,
          value,
          "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%', or '93%', regex used for validation is '[0-9]+%')",
        ),
      ];
}

/** Required, and one of a few. */
export function oneOf(value: string | undefined, field: string, supported: readonly string[]): FieldError[] {
  if (!value) return [required(field)];
  return supported.includes(value) ? [] : [unsupported(field, value, supported)];
}

/** As `oneOf`, but it may be absent. */
export function optionalOneOf(
  value: string | undefined,
  field: string,
  supported: readonly string[],
): FieldError[] {
  return value === undefined || supported.includes(value) ? [] : [unsupported(field, value, supported)];
}

/** A relative path that does not leave its folder. */
export function relativePath(path: string, field: string): FieldError[] {
  if (path.startsWith('/')) return [invalid(field, path, 'must be a relative path')];
  return path.split('/').includes('..') ? [invalid(field, path, "must not contain '..'")] : [];
}

/** Applies `check` to each element at `field[i]`. */
export function each<T>(
  list: readonly T[] | undefined,
  field: string,
  check: (item: T, field: string, index: number) => FieldError[],
): FieldError[] {
  return (list ?? []).flatMap((item, i) => check(item, `${field}[${i}]`, i));
}

/** Refuses an item whose `key` an earlier one has. */
export function unique<T>(key: (item: T) => string): (item: T, field: string) => FieldError[] {
  const seen = new Set<string>();
  return (item, field) => {
    const value = key(item);
    if (seen.has(value)) return [duplicate(field, value)];
    seen.add(value);
    return [];
  };
}

/** What may not change once it is set. `field`: a top-level field or a field of `spec`. */
export function unchanged(next: unknown, old: unknown, field: string): FieldError[] {
  return same(next, old) ? [] : [invalid(field, next ?? null, IMMUTABLE)];
}

/** Of a spec of which only some fields may change. */
export function unchangedBut<T extends object>(
  next: T | undefined,
  old: T | undefined,
  changeable: readonly (keyof T)[],
  detail: string,
): FieldError[] {
  const [after, before]: Partial<T>[] = [{ ...next }, { ...old }] as Partial<T>[];
  for (const field of changeable) {
    delete after![field];
    delete before![field];
  }
  return same(after, before) ? [] : [forbidden('spec', detail)];
}

/** Deep equality of JSON values; an absent property equals `undefined`. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) =>
    same(left[key], right[key]),
  );
}
