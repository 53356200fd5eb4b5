import {
  generateName,
  type KubeObject,
  type ObjectClient,
  type Resource,
  type UserInfo,
  type Write,
  type WriteAdmission,
} from 'orlop/plugin';
import { sameJson } from '../patch/shape.ts';
import { invalidObject } from '../resources/errors.ts';
import { applyDefaults, prepareForCreate, validateState } from '../resources/lifecycle.ts';
import type { ResourceTable } from '../resources/table.ts';
import type { ResourceRow } from '../resources/types.ts';
import type { AdmissionAttributes, AdmissionStep } from './admission.ts';
import type { Admissions } from './admissions.ts';
import { admitCreation } from './creation.ts';
import { fromStorage } from './present.ts';

type WithStatus = KubeObject & { status?: object };

export interface WriteAdmissionOptions {
  table: ResourceTable;
  objects: ObjectClient;
  /** What every creation passes. */
  admission: AdmissionStep;
  /** Those plugins that are asked about updates and deletions too, and how they are. */
  admissions: Admissions;
  plugins: AdmissionStep;
}

/**
 * What plugins create passes the same steps as what clients create: defaults, admission, preparation, validation. Unlike a client, a
 * plugin may say more of the status than the strategy makes of it. Of their updates, most of which are of the status, and deletions only
 * admission plugins are asked.
 */
export function writeAdmission(o: WriteAdmissionOptions): WriteAdmission {
  const { table, objects, admission, admissions, plugins } = o;
  const rowOf = ({ group, version, resource }: Resource): ResourceRow | undefined =>
    table.find(group, version, resource);

  async function created(row: ResourceRow, given: KubeObject, writer: string): Promise<KubeObject> {
    const object: WithStatus = structuredClone(given);
    object.metadata ??= {};
    const { metadata } = object;
    const { uid } = metadata;
    const isNamed = Boolean(metadata.name);
    // The store completes the name, and tries another when it is taken.
    if (!isNamed) metadata.name = generateName(metadata.generateName ?? '');
    const user = userOf(writer);
    await admitCreation(admission, { row, object, user, writer, dryRun: false }, () => {
      const { status } = object;
      prepareForCreate(row, object, user);
      if (status) object.status = { ...object.status, ...status };
      if (uid) Object.assign(metadata, { uid });
    });
    if (!isNamed) delete metadata.name;
    return object;
  }

  async function updated(row: ResourceRow, given: KubeObject, writer: string): Promise<KubeObject> {
    const old = await oldOf(row, given.metadata ?? {});
    // The store will say so.
    if (!old) return given;
    const subresource = isOfStatus(old, given) ? 'status' : '';
    const about = { operation: 'UPDATE', row, subresource, writer } as const;
    if (admissions.of(about).length === 0) return given;
    const object = structuredClone(given);
    const request = requestOf(about, object.metadata ?? {}, { object, old });
    if (await plugins.mutate(request)) {
      applyDefaults(row, object);
      const errors = validateState(row, object);
      if (errors.length > 0) throw invalidObject(row, request.name, errors);
    }
    await plugins.validate(request);
    return object;
  }

  async function deleted(
    row: ResourceRow,
    key: { namespace?: string | undefined; name: string },
    writer: string,
  ) {
    const old = await oldOf(row, key);
    const about = { operation: 'DELETE', row, subresource: '', writer } as const;
    if (old) await plugins.validate(requestOf(about, key, { old }));
  }

  async function oldOf(
    row: ResourceRow,
    { namespace, name = '' }: { namespace?: string | undefined; name?: string | undefined },
  ): Promise<KubeObject | undefined> {
    const found = await objects.get(row.storage, { namespace, name }, { revision: 0 });
    return found && fromStorage(row, found.value);
  }

  return {
    concerns(verb, resource) {
      const row = rowOf(resource);
      if (row?.source !== 'store') return false;
      if (verb === 'create') return true;
      // Nobody is asked of most updates: they must cost nothing.
      const parts = verb === 'update' ? ['', 'status'] : [''];
      const operation = verb === 'update' ? 'UPDATE' : 'DELETE';
      return parts.some((subresource) => admissions.of({ operation, row, subresource }).length > 0);
    },
    async admit<W extends Write>(write: W, writer: string): Promise<W> {
      const row = rowOf(write.resource);
      if (!row) return write;
      switch (write.verb) {
        case 'create':
          return { ...write, object: await created(row, write.object, writer) };
        case 'update':
          return { ...write, object: await updated(row, write.object, writer) };
        case 'delete':
          await deleted(row, write.key, writer);
          return write;
      }
    },
  };
}

/** Nothing else is written, but for what the store and the API server see to. */
function isOfStatus(old: KubeObject, next: KubeObject): boolean {
  const [before, after] = [old, next].map((object) => {
    const { status: _, metadata = {}, ...rest } = object as WithStatus;
    const { resourceVersion: _r, managedFields: _m, generation: _g, ...others } = metadata;
    return { ...rest, metadata: others };
  });
  return sameJson(before, after) && !sameJson(statusOf(old), statusOf(next));
}

function statusOf(object: KubeObject): unknown {
  return (object as WithStatus).status;
}

function requestOf(
  about: Pick<AdmissionAttributes, 'operation' | 'row' | 'subresource'> & { writer: string },
  { namespace, name = '' }: { namespace?: string | undefined; name?: string | undefined },
  objects: Pick<AdmissionAttributes, 'object' | 'old'>,
): AdmissionAttributes {
  return { ...about, namespace, name, ...objects, user: userOf(about.writer), dryRun: false };
}

/** As kube-controller-manager's controllers, who have an account each. */
function userOf(writer: string): UserInfo {
  return {
    username: `system:serviceaccount:kube-system:${writer}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  };
}
