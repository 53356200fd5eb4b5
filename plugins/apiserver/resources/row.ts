import type { KubeObject, Resource } from 'orlop/plugin';
import { age } from '../printing/duration.ts';
import type { Column, FieldSelectors, ResourceRow, ScalePaths, Strategy, Subresource } from './types.ts';

const ALL_VERBS = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
] as const;

/** What a kind's file says of its row; the rest follows from the resource. */
export interface RowOptions<T extends KubeObject> {
  shortNames?: readonly string[];
  categories?: readonly string[];
  verbs?: readonly string[];
  /** Names of those whose bodies are the kind itself, or whole subresources. */
  subresources?: readonly (string | Subresource)[];
  scale?: ScalePaths;
  storage?: Resource<T>;
  conversion?: ResourceRow<T>['conversion'];
  source?: ResourceRow<T>['source'];
  strategy?: Strategy<T>;
  /** Those between Name and Age, then the wide ones; all of them when Name or Age is among them. */
  columns?: readonly Column<T>[];
  fieldSelectors?: FieldSelectors<T>;
  deprecation?: string;
}

export function row<T extends KubeObject>(resource: Resource<T>, options: RowOptions<T> = {}): ResourceRow {
  const columns = options.columns ?? [];
  const complete: ResourceRow<T> = {
    ...resource,
    singular: resource.kind.toLowerCase(),
    shortNames: options.shortNames ?? [],
    categories: options.categories ?? [],
    verbs: options.verbs ?? ALL_VERBS,
    subresources: (options.subresources ?? []).map((each) =>
      typeof each === 'string'
        ? { ...itself(resource), name: each, verbs: ['get', 'patch', 'update'] }
        : each,
    ),
    ...(options.scale ? { scale: options.scale } : {}),
    storage: options.storage ?? resource,
    ...(options.conversion ? { conversion: options.conversion } : {}),
    source: options.source ?? 'store',
    strategy: options.strategy ?? {},
    columns: arrange(columns),
    ...(options.deprecation ? { deprecation: options.deprecation } : {}),
    fieldSelectors: {
      'metadata.name': (object) => object.metadata?.name ?? '',
      ...(resource.namespaced ? { 'metadata.namespace': namespaceOf } : {}),
      ...options.fieldSelectors,
    },
  };
  return complete as unknown as ResourceRow;
}

function arrange<T extends KubeObject>(columns: readonly Column<T>[]): Column<T>[] {
  if (columns.some((each) => each.name === nameColumn.name || each.name === ageColumn.name))
    return [...columns];
  const wide = columns.findIndex((each) => each.priority > 0);
  const at = wide < 0 ? columns.length : wide;
  return [nameColumn, ...columns.slice(0, at), ageColumn, ...columns.slice(at)];
}

function itself({ group, version, kind }: Resource): Pick<Subresource, 'group' | 'version' | 'kind'> {
  return { group, version, kind };
}

function namespaceOf(object: KubeObject): string {
  return object.metadata?.namespace ?? '';
}

export const nameColumn: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  priority: 0,
  value: (object) => object.metadata?.name ?? '',
};

export const ageColumn: Column<KubeObject> = {
  name: 'Age',
  type: 'string',
  description: 'Time since the object was created.',
  priority: 0,
  value: (object, now) => age(object.metadata?.creationTimestamp, now),
};

/** A column as `kubectl get` prints it; `wide` ones only with `-o wide`. */
export function column<T>(
  label: string,
  value: Column<T>['value'],
  options: { wide?: boolean; type?: Column<T>['type']; description?: string } = {},
): Column<T> {
  return {
    name: label,
    type: options.type ?? 'string',
    description: options.description ?? label,
    priority: options.wide ? 1 : 0,
    value,
  };
}

/** The `proxy` subresource: a request of any method, passed on. */
export function proxy(kind: string): Subresource {
  const verbs = ['create', 'delete', 'get', 'patch', 'update'];
  return { name: 'proxy', group: '', version: 'v1', kind: `${kind}ProxyOptions`, verbs };
}

/** The `scale` subresource (autoscaling/v1 Scale) of a kind with replicas. */
export const SCALE: Subresource = {
  name: 'scale',
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  verbs: ['get', 'patch', 'update'],
};
