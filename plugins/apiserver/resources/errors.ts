import { StatusError } from 'orlop/plugin';
import type { FieldError, FieldErrorType, GroupVersionKind } from './types.ts';

/** Source: apimachinery `field.ErrorType.String()` and the cause reason of each. */
const TYPES: Record<FieldErrorType, { text: string; cause: string; showsValue: boolean }> = {
  Required: { text: 'Required value', cause: 'FieldValueRequired', showsValue: false },
  Invalid: { text: 'Invalid value', cause: 'FieldValueInvalid', showsValue: true },
  Unsupported: { text: 'Unsupported value', cause: 'FieldValueNotSupported', showsValue: true },
  Forbidden: { text: 'Forbidden', cause: 'FieldValueForbidden', showsValue: false },
  Duplicate: { text: 'Duplicate value', cause: 'FieldValueDuplicate', showsValue: true },
  TooLong: { text: 'Too long', cause: 'FieldValueTooLong', showsValue: false },
  TooMany: { text: 'Too many', cause: 'FieldValueTooMany', showsValue: true },
  NotFound: { text: 'Not found', cause: 'FieldValueNotFound', showsValue: true },
};

export const required = (field: string, detail = ''): FieldError => ({ type: 'Required', field, detail });
export const invalid = (field: string, value: unknown, detail: string): FieldError => ({
  type: 'Invalid',
  field,
  value,
  detail,
});
export const forbidden = (field: string, detail: string): FieldError => ({
  type: 'Forbidden',
  field,
  detail,
});
export const duplicate = (field: string, value: unknown): FieldError => ({
  type: 'Duplicate',
  field,
  value,
  detail: '',
});
export const missing = (field: string, value: unknown): FieldError => ({
  type: 'NotFound',
  field,
  value,
  detail: '',
});
export const tooLong = (field: string, most: number): FieldError => ({
  type: 'TooLong',
  field,
  detail: `may not be more than ${most} bytes`,
});
export const tooMany = (field: string, count: number, most: number): FieldError => ({
  type: 'TooMany',
  field,
  value: count,
  detail: `must have at most ${most} items`,
});
export const unsupported = (field: string, value: unknown, supported: readonly string[]): FieldError => ({
  type: 'Unsupported',
  field,
  value,
  detail: `supported values: ${[...supported]
    .sort()
    .map((each) => JSON.stringify(each))
    .join(', ')}`,
});

/** `Invalid value: "x": must be ...`: an error without its field. */
export function errorBody(error: FieldError): string {
  const { text, showsValue } = TYPES[error.type];
  const body = showsValue ? `${text}: ${JSON.stringify(error.value ?? null)}` : text;
  return error.detail === '' ? body : `${body}: ${error.detail}`;
}

/** `The Deployment "web" is invalid: ...` as kubectl prints it; upstream's 422. */
export function invalidObject(
  kind: GroupVersionKind,
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const texts = [...new Set(errors.map((error) => `${error.field}: ${errorBody(error)}`))];
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const qualified = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  return new StatusError('Invalid', `${qualified} "${name}" is invalid: ${list}`, {
    name,
    group: kind.group,
    kind: kind.kind,
    causes: errors.map((error) => ({
      reason: TYPES[error.type].cause,
      message: errorBody(error),
      field: error.field,
    })),
  });
}
