import {
  type KubeObject,
  Namespaces,
  notFound,
  type ObjectClient,
  qualifiedResource,
  StatusError,
  type UserInfo,
} from 'orlop/plugin';
import type { GroupVersionKind, ResourceRow } from '../resources/types.ts';

export interface AdmissionAttributes {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly row: ResourceRow;
  /** `''` for the object itself. */
  readonly subresource: string;
  readonly namespace: string | undefined;
  readonly name: string;
  /** Absent for a DELETE. A mutating step changes it in place. */
  readonly object?: KubeObject;
  /** Of the object, where it is not that of the row: what is asked of a subresource. */
  readonly kind?: GroupVersionKind;
  /** Absent for a CREATE. */
  readonly old?: KubeObject;
  readonly user: UserInfo;
  /** The plugin whose write it is, if it is one's. */
  readonly writer?: string;
  readonly dryRun: boolean;
}

/** What stands in the pipeline to admit requests. Both refuse by throwing a `StatusError`. */
export interface AdmissionStep {
  /** True: a plugin has made another of the object, which is to be defaulted and prepared anew. */
  mutate(request: AdmissionAttributes): Promise<boolean | void> | boolean;
  validate(request: AdmissionAttributes): Promise<void> | void;
}

/** One after the other; the first refusal is the answer. Steps that have nothing to do take no turn. */
export function inOrder(...steps: readonly AdmissionStep[]): AdmissionStep {
  return {
    async mutate(request) {
      let isAnother = false;
      for (const step of steps) {
        const made = step.mutate(request);
        if ((made instanceof Promise ? await made : made) === true) isAnother = true;
      }
      return isAnother;
    },
    async validate(request) {
      for (const step of steps) {
        const done = step.validate(request);
        if (done instanceof Promise) await done;
      }
    },
  };
}

const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);

/** What is always admitted by: namespaces. Source: apiserver plugin `namespace/lifecycle`. */
export function namespaceLifecycle(objects: ObjectClient): AdmissionStep {
  return {
    async mutate({ operation, row, namespace, name }) {
      if (operation === 'DELETE' && row.group === '' && row.resource === 'namespaces' && IMMORTAL.has(name)) {
        throw forbidden(row, name, 'this namespace may not be deleted');
      }
      if (operation !== 'CREATE' || !row.namespaced || row.source !== 'store' || namespace === undefined)
        return;
      const found =
        (await objects.get(Namespaces, { name: namespace }, { revision: 0 })) ??
        (await objects.get(Namespaces, { name: namespace }));
      if (!found) throw notFound(Namespaces, namespace);
      const { metadata, status } = found.value;
      if (metadata?.deletionTimestamp === undefined && status?.phase !== 'Terminating') return;
      const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
      throw forbidden(row, name, why, [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ]);
    },
    async validate() {},
  };
}

export function forbidden(
  row: Pick<ResourceRow, 'group' | 'resource'>,
  name: string,
  why: string,
  causes?: { reason: string; message: string; field?: string }[],
): StatusError {
  return new StatusError(
    'Forbidden',
    `${qualifiedResource(row)} ${JSON.stringify(name)} is forbidden: ${why}`,
    {
      name,
      group: row.group,
      kind: row.resource,
      ...(causes ? { causes } : {}),
    },
  );
}
