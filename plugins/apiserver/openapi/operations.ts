import type { ResourceRow, Subresource } from '../resources/types.ts';

/** What an operation works on, as its id says it. */
export interface Target {
  readonly row: ResourceRow;
  readonly subresource?: Subresource;
  /** A list across namespaces. */
  readonly isForAllNamespaces?: boolean;
}

const ACTIONS: Readonly<Record<string, string>> = {
  get: 'read',
  list: 'list',
  post: 'create',
  put: 'replace',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
  connect: 'connect',
};

/**
 * The names that generated clients give their methods, e.g. `listCoreV1NamespacedPod`. Source: kubernetes `api/openapi-spec/swagger.json`,
 * apiserver `endpoints/openapi.GetOperationIDAndTags`.
 */
export function operationId(
  action: string,
  { row, subresource, isForAllNamespaces }: Target,
  method = '',
): string {
  return [
    ACTIONS[action] ?? action,
    groupName(row.group),
    capital(row.version),
    action === 'deletecollection' ? 'Collection' : '',
    action === 'connect' ? capital(method) : '',
    row.namespaced && !isForAllNamespaces ? 'Namespaced' : '',
    row.kind,
    subresource ? capital(subresource.name) : '',
    isForAllNamespaces ? 'ForAllNamespaces' : '',
  ].join('');
}

/** By which generated clients sort the methods into classes, e.g. `apps_v1`. */
export function operationTag({ group, version }: ResourceRow): string {
  const name = groupName(group);
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}_${version}`;
}

/** `''` is `Core`, `rbac.authorization.k8s.io` is `RbacAuthorization`. */
function groupName(group: string): string {
  if (group === '') return 'Core';
  return group
    .replace(/\.k8s\.io$/, '')
    .split('.')
    .map(capital)
    .join('');
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
