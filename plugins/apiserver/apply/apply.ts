import { type KubeObject, type StatusCause, StatusError, timestamp } from 'orlop/plugin';
import { sameJson } from '../patch/shape.ts';
import type { Schema } from '../schemas/types.ts';
import { FieldSet, pathText } from './fieldset.ts';
import { takenOver, updateLastApplied } from './last-applied.ts';
import {
  type Manager,
  type ManagerIdentity,
  ownable,
  readManagers,
  sameManager,
  writeManagers,
} from './managed.ts';
import { compare, fieldsOf, mergeTyped, removeOwned } from './typed.ts';

export interface Applied {
  /** Who writes. */
  readonly manager: ManagerIdentity;
  readonly schema: Schema | undefined;
  /** The object has a `status` that only its subresource may write. */
  readonly hasStatus: boolean;
}

/**
 * Server-side apply: the object that results from applying `config` (which must not hold managedFields) to `live`, with its
 * managedFields. The same object as `live` when nothing changes. Throws Conflict with a cause per field, unless `force`.
 * Source: structured-merge-diff `merge.Updater.Apply`.
 */
export function applyConfiguration(
  live: KubeObject,
  config: KubeObject,
  { manager, schema, hasStatus, force }: Applied & { force: boolean },
): KubeObject {
  const managers = readManagers(live);
  const last = managers.find((each) => sameManager(each, manager));
  const fields = ownable(fieldsOf(config, schema), manager.subresource, hasStatus);
  const others = managers.filter((each) => each !== last);
  const merged = mergeTyped(withoutManagers(live), config, schema) as KubeObject;
  const kept = others.reduce((all, each) => all.union(each.fields), fields);
  const next = (last ? removeOwned(merged, schema, last.fields, kept) : merged) as KubeObject;
  const { added, modified, removed } = compare(withoutManagers(live), next, schema);
  const changed = ownable(added.union(modified), manager.subresource, hasStatus);
  const conflicts = others
    .map((each) => ({ manager: each, fields: each.fields.intersection(changed) }))
    .filter((each) => !each.fields.empty);
  if (!force) refuseConflicts(conflicts, takenOver(live, manager.name, schema));
  const result = others.map((each) => ({
    ...each,
    fields: each.fields.difference(changed).difference(removed),
  }));
  updateLastApplied(next, config, manager.name);
  const unchanged = last?.fields.equals(fields) && added.empty && modified.empty && removed.empty;
  if (unchanged && sameJson(withoutManagers(live), next)) return live;
  const own = { ...manager, fields, time: last?.fields.equals(fields) ? last.time : timestamp() };
  writeManagers(next, [...result, own]);
  return next;
}

/**
 * Records in `next` who owns what after `manager` has written it by any other verb than apply. `live` is absent for a create.
 * Fields others owned and `next` changes become this manager's. Source: `merge.Updater.Update`.
 */
export function trackUpdate(
  live: KubeObject | undefined,
  next: KubeObject,
  { manager, schema, hasStatus }: Applied,
): void {
  const managers = chosenManagers(live, next);
  const { added, modified, removed } = compare(
    live ? withoutManagers(live) : {},
    withoutManagers(next),
    schema,
  );
  const changed = ownable(added.union(modified), manager.subresource, hasStatus);
  const gone = changed.union(removed);
  const own = managers.find((each) => sameManager(each, manager));
  const before = own?.fields ?? new FieldSet();
  const fields = before.difference(removed).union(changed);
  const result = managers
    .filter((each) => each !== own)
    .map((each) => ({ ...each, fields: each.fields.difference(gone) }));
  result.push({ ...manager, fields, time: own && fields.equals(before) ? own.time : timestamp() });
  writeManagers(next, result);
}

/** A client may rewrite managedFields (an empty list resets them); what cannot be read is taken from `live`. */
function chosenManagers(live: KubeObject | undefined, next: KubeObject): Manager[] {
  if (!live) return [];
  if (next.metadata?.managedFields === undefined) return readManagers(live);
  try {
    return readManagers(next);
  } catch {
    return readManagers(live);
  }
}

function withoutManagers(object: KubeObject): KubeObject {
  if (!object.metadata) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

interface ManagerConflict {
  manager: Manager;
  fields: FieldSet;
}

/** All or nothing: one field that may not be taken over refuses the others with it; it alone is said to be in the way. */
function refuseConflicts(conflicts: ManagerConflict[], allowed: FieldSet): void {
  const left = conflicts
    .map(({ manager, fields }) => ({ manager, fields: fields.difference(allowed) }))
    .filter(({ fields }) => !fields.empty);
  if (left.length > 0) throw conflictError(left);
}

function conflictError(conflicts: ManagerConflict[]): StatusError {
  const causes: StatusCause[] = [];
  const texts: string[] = [];
  for (const { manager, fields } of conflicts) {
    const paths = [...fields.paths()].map(pathText).sort();
    const subresource =
      manager.subresource === '' ? '' : ` with subresource ${JSON.stringify(manager.subresource)}`;
    const time = manager.operation === 'Update' && manager.time ? ` at ${manager.time}` : '';
    const who = `${JSON.stringify(manager.name)}${subresource} using ${manager.apiVersion}${time}`;
    for (const field of paths)
      causes.push({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field });
    texts.push(
      paths.length === 1
        ? `conflict with ${who}: ${paths[0]}`
        : `conflicts with ${who}:\n${paths.map((path) => `- ${path}`).join('\n')}`,
    );
  }
  const count = causes.length === 1 ? '1 conflict' : `${causes.length} conflicts`;
  return new StatusError('Conflict', `Apply failed with ${count}: ${texts.join('\n')}`, { causes });
}
