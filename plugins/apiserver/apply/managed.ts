import { type KubeObject, StatusError, timestamp } from 'orlop/plugin';
import { FieldSet, fieldSet } from './fieldset.ts';

/** One `metadata.managedFields` entry, parsed. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

export type ManagerIdentity = Omit<Manager, 'time' | 'fields'>;

export function sameManager(left: ManagerIdentity, right: ManagerIdentity): boolean {
  return (
    left.name === right.name &&
    left.operation === right.operation &&
    left.subresource === right.subresource &&
    (left.operation === 'Apply' || left.apiVersion === right.apiVersion)
  );
}

/** Throws BadRequest for entries that are not valid. */
export function readManagers(object: KubeObject): Manager[] {
  return (object.metadata?.managedFields ?? [])
    .filter((entry) => Object.keys(entry).length > 0)
    .map((entry) => {
      if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
        throw new StatusError('BadRequest', 'metadata.managedFields: operation must be `Apply` or `Update`');
      }
      return {
        name: entry.manager ?? '',
        operation: entry.operation,
        apiVersion: entry.apiVersion ?? '',
        subresource: entry.subresource ?? '',
        time: entry.time,
        fields: FieldSet.fromFields(entry.fieldsV1 ?? {}),
      };
    });
}

/** Applies first, then by time and name, as upstream sorts them. */
export function writeManagers(object: KubeObject, managers: readonly Manager[]): void {
  object.metadata ??= {};
  const { metadata } = object;
  delete metadata.managedFields;
  const sorted = managers
    .filter((manager) => !manager.fields.empty)
    .sort(
      (left, right) =>
        (left.operation === 'Apply' ? 0 : 1) - (right.operation === 'Apply' ? 0 : 1) ||
        (left.time ?? '').localeCompare(right.time ?? '') ||
        left.name.localeCompare(right.name),
    );
  if (sorted.length === 0) return;
  metadata.managedFields = sorted.map((manager) => ({
    manager: manager.name,
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    time: manager.time ?? timestamp(),
    fieldsType: 'FieldsV1',
    fieldsV1: manager.fields.toFields(),
    ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
  }));
}

/** What nobody owns. Source: apimachinery `managedfields/internal/stripmeta.go`. */
const UNOWNED = fieldSet(
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => ['f:metadata', `f:${name}`]),
);
const STATUS = fieldSet(['f:status']);

/** The part of `fields` a manager of the object (`''`) or of a subresource may own. */
export function ownable(fields: FieldSet, subresource: string, hasStatus: boolean): FieldSet {
  const rest = withoutSystem(fields);
  if (!hasStatus || subresource === '') return hasStatus ? rest.recursiveDifference(STATUS) : rest;
  if (subresource !== 'status') return rest;
  const status = new FieldSet();
  const children = rest.children.get('f:status');
  if (children) status.children.set('f:status', children);
  if (rest.members.has('f:status')) status.members.add('f:status');
  return status;
}

function withoutSystem(fields: FieldSet): FieldSet {
  // metadata itself is unowned, but what is below it is not.
  const metadata = fields.children.get('f:metadata');
  const rest = fields.recursiveDifference(UNOWNED);
  if (!metadata) return rest;
  const below = metadata.recursiveDifference(UNOWNED.children.get('f:metadata')!);
  if (!below.empty) rest.children.set('f:metadata', below);
  return rest;
}
