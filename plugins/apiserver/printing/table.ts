import type { KubeObject } from 'orlop/plugin';
import type { ResourceRow } from '../resources/types.ts';

/** `meta.k8s.io/v1` `Table`: what `kubectl get` asks for instead of the objects. */
export interface Table {
  kind: 'Table';
  apiVersion: 'meta.k8s.io/v1';
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  columnDefinitions: {
    name: string;
    type: string;
    format: string;
    description: string;
    priority: number;
  }[];
  rows: { cells: (string | number | boolean | null)[]; object?: unknown }[];
}

export interface TableOptions {
  /** The request's `includeObject`; `Metadata` by default. */
  includeObject?: 'None' | 'Metadata' | 'Object';
  metadata?: Table['metadata'];
  /** Watch events after the first carry no column definitions. */
  headers?: boolean;
  /** Milliseconds since the epoch, for ages. */
  now?: number;
}

export function toTable(row: ResourceRow, objects: readonly KubeObject[], options: TableOptions = {}): Table {
  const { includeObject = 'Metadata', metadata = {}, headers = true, now = Date.now() } = options;
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: headers
      ? row.columns.map(({ name, type, format = '', description, priority }) => ({
          name,
          type,
          format,
          description,
          priority,
        }))
      : [],
    rows: objects.map((object) => ({
      cells: row.columns.map((column) => column.value(object, now)),
      ...(includeObject === 'None'
        ? {}
        : { object: includeObject === 'Object' ? object : partialMetadata(object) }),
    })),
  };
}

/** `meta.k8s.io/v1` `PartialObjectMetadata`. */
export function partialMetadata(object: KubeObject): KubeObject {
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: object.metadata ?? {},
  };
}
