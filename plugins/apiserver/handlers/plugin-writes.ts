import {
  generateName,
  type KubeObject,
  type Resource,
  type UserInfo,
  type WriteAdmission,
} from 'orlop/plugin';
import { prepareForCreate } from '../resources/lifecycle.ts';
import type { ResourceTable } from '../resources/table.ts';
import type { ResourceRow } from '../resources/types.ts';
import type { Admission } from './admission.ts';
import { admitCreation } from './creation.ts';

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
    const user = userOf(writer);
    await admitCreation(admission, { row, object, user, dryRun: false }, () => {
      const { status } = object;
      prepareForCreate(row, object, user);
      if (status) object.status = { ...object.status, ...status };
      if (uid) Object.assign(metadata, { uid });
    });
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
