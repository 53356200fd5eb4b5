import { apiVersionOf } from 'orlop/plugin';
import type { ResourceTable } from '../resources/table.ts';
import type { ResourceRow, Subresource } from '../resources/types.ts';

/** The documents by which clients learn what is served. Source: Kubernetes API concepts, "API discovery". */

/** `/api`. `address`: this server's host and port. */
export function apiVersions(table: ResourceTable, address: string): object {
  return {
    kind: 'APIVersions',
    versions: table.versions(''),
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  };
}

/** `/apis`. */
export function apiGroupList(table: ResourceTable): object {
  const names = table.groups().filter((group) => group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: names.map((name) => groupOf(table, name)) };
}

/** `/apis/GROUP`; `undefined` when it is not served. */
export function apiGroup(table: ResourceTable, group: string): object | undefined {
  if (group === '' || table.versions(group).length === 0) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(table, group) };
}

function groupOf(table: ResourceTable, group: string): object {
  const versions = table
    .versions(group)
    .map((version) => ({ groupVersion: apiVersionOf({ group, version }), version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

/** `/api/v1` and `/apis/GROUP/VERSION`; `undefined` when it is not served. */
export function apiResourceList(table: ResourceTable, group: string, version: string): object | undefined {
  const rows = table.in(group, version);
  if (rows.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf({ group, version }),
    resources: rows.flatMap((row) => [
      {
        name: row.resource,
        singularName: row.singular,
        namespaced: row.namespaced,
        kind: row.kind,
        verbs: row.verbs,
        ...optional(row),
      },
      ...row.subresources.map((subresource) => ({
        name: `${row.resource}/${subresource.name}`,
        singularName: '',
        namespaced: row.namespaced,
        ...foreign(row, subresource),
        kind: subresource.kind,
        verbs: subresource.verbs,
      })),
    ]),
  };
}

function optional({ shortNames, categories }: ResourceRow): object {
  return {
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  };
}

function foreign(row: ResourceRow, { group, version }: Subresource): object {
  return group === row.group && version === row.version ? {} : { group, version };
}

/** The content type that aggregated discovery is asked for and answered with. */
export const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** `/api` (`core`) or `/apis` when asked for as `AGGREGATED`: everything in one answer. */
export function aggregatedDiscovery(table: ResourceTable, core: boolean): object {
  const groups = table.groups().filter((group) => (group === '') === core);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: groups.map((group) => ({
      metadata: { ...(core ? {} : { name: group }), creationTimestamp: null },
      versions: table.versions(group).map((version) => ({
        version,
        resources: table.in(group, version).map(resourceDiscovery),
        freshness: 'Current',
      })),
    })),
  };
}

function resourceDiscovery(row: ResourceRow): object {
  return {
    resource: row.resource,
    responseKind: kindOf(row),
    scope: row.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: row.singular,
    verbs: row.verbs,
    ...optional(row),
    ...(row.subresources.length === 0
      ? {}
      : {
          subresources: row.subresources.map((subresource) => ({
            subresource: subresource.name,
            responseKind: kindOf(subresource),
            verbs: subresource.verbs,
          })),
        }),
  };
}

function kindOf({ group, version, kind }: Pick<Subresource, 'group' | 'version' | 'kind'>): object {
  return { group, version, kind };
}
