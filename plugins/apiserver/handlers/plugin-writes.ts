import {
  generateName,
  type KubeObject,
  type Resource,
  type UserInfo,
  type WriteAdmission,
} from 'orlop/plugin';
import { invalidObject } from '../resources/errors.ts';
import { applyDefaults, prepareForCreate, validateCreate } from '../resources/lifecycle.ts';
import type { ResourceTable } from '../resources/table.ts';
import type { ResourceRow } from '../resources/types.ts';
import type { Admission, AdmissionRequest } from './admission.ts';

type WithStatus = KubeObject & { status?: object };

/**
 * What plugins create passes the same steps as what clients create: defaults, admission, preparation, validation. Unlike a client, a
 * plugin may say more of the status than the strategy makes of it. Updates by plugins are left alone: most are of the status.
 */
export function writeAdmission(table: ResourceTable, admission: Admission): WriteAdmission {
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
    applyDefaults(row, object);
    const request: AdmissionRequest = {
      operation: 'CREATE',
      row,
      subresource: '',
      namespace: metadata.namespace,
      name: metadata.name ?? '',
      object,
      user: userOf(writer),
      dryRun: false,
    };
    await admission.mutate(request);
    const { status } = object;
    prepareForCreate(row, object, request.user);
    if (status) object.status = { ...object.status, ...status };
    if (uid) Object.assign(metadata, { uid });
    const errors = validateCreate(row, object);
    if (errors.length > 0) throw invalidObject(row, metadata.name ?? '', errors);
    await admission.validate(request);
    if (!isNamed) delete metadata.name;
    return object;
  }

  return {
    concerns: (verb, resource) => verb === 'create' && rowOf(resource)?.source === 'store',
    async admit(write, writer) {
      const row = rowOf(write.resource);
      if (!row || write.verb !== 'create') return write;
      return { ...write, object: await created(row, write.object, writer) };
    },
  };
}

/** As kube-controller-manager's controllers, who have an account each. */
function userOf(writer: string): UserInfo {
  return {
    username: `system:serviceaccount:kube-system:${writer}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  };
}
