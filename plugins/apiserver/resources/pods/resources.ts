import { type Container, parseQuantity } from 'orlop/plugin';
import { named } from '../checks.ts';
import { invalid } from '../errors.ts';
import { qualifiedName } from '../names.ts';
import type { FieldError } from '../types.ts';

const STANDARD = /^(cpu|memory|ephemeral-storage|hugepages-.+)$/;

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, ValidateResourceRequirements. */
export function validateResources(resources: Container['resources'], field: string): FieldError[] {
  const { limits = {}, requests = {} } = resources ?? {};
  const errors = [...validateList(limits, `${field}.limits`), ...validateList(requests, `${field}.requests`)];
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name];
    if (limit === undefined) {
      if (isExtended(name))
        errors.push(invalid(`${field}.limits`, limit, `Limit must be set for non overcommitable resources`));
      continue;
    }
    const [asked, most] = [parseQuantity(request) ?? 0, parseQuantity(limit) ?? 0];
    if (isExtended(name) && asked !== most) {
      errors.push(invalid(`${field}.requests`, request, `must be equal to ${name} limit of ${limit}`));
    } else if (asked > most) {
      errors.push(
        invalid(`${field}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`),
      );
    }
  }
  return errors;
}

function isExtended(name: string): boolean {
  return name.includes('/');
}

function validateList(list: Readonly<Record<string, string>>, field: string): FieldError[] {
  return Object.entries(list).flatMap(([name, quantity]) => {
    const at = `${field}[${name}]`;
    const errors = named(name, at, qualifiedName);
    if (!name.includes('/') && !STANDARD.test(name)) {
      errors.push(invalid(at, name, 'must be a standard resource type or fully qualified'));
    }
    const amount = parseQuantity(quantity) ?? 0;
    if (amount < 0) errors.push(invalid(at, quantity, 'must be greater than or equal to 0'));
    else if (isExtended(name) && !Number.isInteger(amount)) {
      errors.push(invalid(at, quantity, 'must be an integer'));
    }
    return errors;
  });
}
