import type { KubeObject, ObjectMeta } from 'orlop/plugin';
import { forbidden, invalid, required, tooLong } from './errors.ts';
import { dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from './names.ts';
import type { FieldError, ResourceRow } from './types.ts';

const TOTAL_ANNOTATION_SIZE = 256 * 1024;

/** Source: apimachinery `api/validation/objectmeta.go`. */
export function validateMetadata(row: ResourceRow, object: KubeObject): FieldError[] {
  const metadata = object.metadata ?? {};
  const check = row.strategy.validateName ?? dns1123Subdomain;
  const errors: FieldError[] = [];
  if (metadata.generateName) {
    // What is generated ends in letters and digits, so a prefix may end in what a name may not.
    const prefix = metadata.generateName.replace(/[-.]$/, 'a');
    errors.push(
      ...check(prefix).map((detail) => invalid('metadata.generateName', metadata.generateName, detail)),
    );
  }
  if (!metadata.name) {
    errors.push(required('metadata.name', 'name or generateName is required'));
  } else {
    errors.push(...check(metadata.name).map((detail) => invalid('metadata.name', metadata.name, detail)));
  }
  if (row.namespaced) {
    if (!metadata.namespace) errors.push(required('metadata.namespace'));
    else {
      const details = dns1123Label(metadata.namespace);
      errors.push(...details.map((detail) => invalid('metadata.namespace', metadata.namespace, detail)));
    }
  } else if (metadata.namespace) {
    errors.push(forbidden('metadata.namespace', 'not allowed on this type'));
  }
  return [
    ...errors,
    ...validateLabels(metadata.labels, 'metadata.labels'),
    ...validateAnnotations(metadata.annotations, 'metadata.annotations'),
    ...validateOwners(metadata.ownerReferences ?? []),
    ...validateFinalizers(metadata.finalizers ?? []),
  ];
}

export function validateLabels(labels: Record<string, string> | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    errors.push(...qualifiedName(key).map((detail) => invalid(field, key, detail)));
    errors.push(...labelValue(value).map((detail) => invalid(field, value, detail)));
  }
  return errors;
}

export function validateAnnotations(
  annotations: Record<string, string> | undefined,
  field: string,
): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    // The key's prefix is case-insensitive here, unlike a label's.
    errors.push(...qualifiedName(key.toLowerCase()).map((detail) => invalid(field, key, detail)));
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > TOTAL_ANNOTATION_SIZE) errors.push(tooLong(field, TOTAL_ANNOTATION_SIZE));
  return errors;
}

function validateOwners(owners: NonNullable<ObjectMeta['ownerReferences']>): FieldError[] {
  const field = 'metadata.ownerReferences';
  const errors: FieldError[] = [];
  for (const owner of owners) {
    if (!owner.apiVersion)
      errors.push(invalid(`${field}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
    if (!owner.kind) errors.push(invalid(`${field}.kind`, owner.kind ?? '', 'must not be empty'));
    if (!owner.name) errors.push(invalid(`${field}.name`, owner.name ?? '', 'must not be empty'));
    if (!owner.uid) errors.push(invalid(`${field}.uid`, owner.uid ?? '', 'must not be empty'));
  }
  const controllers = owners.filter((owner) => owner.controller);
  if (controllers.length > 1) {
    const [first, second] = controllers;
    errors.push(
      invalid(
        field,
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${first!.kind}/${first!.name} and ${second!.kind}/${second!.name}`,
      ),
    );
  }
  return errors;
}

function validateFinalizers(finalizers: readonly string[]): FieldError[] {
  const field = 'metadata.finalizers';
  const errors = finalizers.flatMap((finalizer) =>
    qualifiedName(finalizer).map((detail) => invalid(field, finalizer, detail)),
  );
  const orphan = finalizers.includes('orphan');
  if (orphan && finalizers.includes('foregroundDeletion')) {
    errors.push(invalid(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return errors;
}

export const IMMUTABLE = 'field is immutable';

export function validateMetadataUpdate(next: KubeObject, old: KubeObject): FieldError[] {
  const [after, before] = [next.metadata ?? {}, old.metadata ?? {}];
  const errors: FieldError[] = [];
  for (const field of ['name', 'namespace', 'uid', 'creationTimestamp'] as const) {
    if (after[field] !== before[field]) errors.push(invalid(`metadata.${field}`, after[field], IMMUTABLE));
  }
  if (before.deletionTimestamp) {
    const added = (after.finalizers ?? []).filter((each) => !(before.finalizers ?? []).includes(each));
    if (added.length > 0) {
      errors.push(
        forbidden(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((each) => JSON.stringify(each)).join(', ')}}`,
        ),
      );
    }
  }
  return errors;
}
