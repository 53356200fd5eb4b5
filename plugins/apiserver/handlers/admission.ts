import {
  type KubeObject,
  Namespaces,
  notFound,
  type ObjectClient,
  qualifiedResource,
  StatusError,
  type UserInfo,
} from 'orlop/plugin';
import type { ResourceRow } from '../resources/types.ts';

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly row: ResourceRow;
  /** `''` for the object itself. */
  readonly subresource: string;
  readonly namespace: string | undefined;
  readonly name: string;
  /** Absent for a DELETE. A mutating admission changes it in place. */
  readonly object?: KubeObject;
  /** Absent for a CREATE. */
  readonly old?: KubeObject;
  readonly user: UserInfo;
  readonly dryRun: boolean;
}

/** Where admission plugins stand in the pipeline. Both refuse by throwing a `StatusError`. */
export interface Admission {
  mutate(request: AdmissionRequest): Promise<void>;
  validate(request: AdmissionRequest): Promise<void>;
}

/** One after the other; the first refusal is the answer. */
export function inOrder(...steps: readonly Admission[]): Admission {
  return {
    async mutate(request) {
      for (const step of steps) await step.mutate(request);
    },
    async validate(request) {
      for (const step of steps) await step.validate(request);
    },
  };
}

const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);

/** What is always admitted by: namespaces. Source: apiserver plugin `namespace/lifecycle`. */
export function namespaceLifecycle(objects: ObjectClient): Admission {
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
