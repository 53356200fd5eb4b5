import type { GroupVersionKind } from '../resources/types.ts';

/**
 * What is known of one value's shape: the part of an OpenAPI v3 schema that decoding, patching and server-side apply need, with its
 * references resolved (so it may be cyclic).
 */
export interface Schema {
  /** Of a definition, e.g. `io.k8s.api.core.v1.Pod`. */
  readonly name?: string;
  /** Absent: any JSON value. */
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  /** e.g. `int32`, `date-time`, `byte`, `int-or-string`, `quantity`. */
  readonly format?: string;
  /** Present for a struct; without a prototype. A struct has no other properties unless `preserveUnknown`. */
  readonly properties?: Readonly<Record<string, Schema>>;
  /** Present for a map: the schema of its values. */
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly default?: unknown;
  /** `x-kubernetes-list-type`; absent means atomic, or for a list with `patchMergeKey`, `map` by that key. */
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  readonly mapType?: 'atomic' | 'granular';
  /** `x-kubernetes-patch-strategy`: `merge`, `replace`, `retainKeys`, or two of them joined by a comma. */
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
  readonly preserveUnknown?: boolean;
}

/** Schemas by kind; loaded once from the generated files. */
export interface SchemaSource {
  /** The Kubernetes release whose fields these are, e.g. `1.36.0`. */
  readonly version: string;
  schemaFor(kind: GroupVersionKind): Schema | undefined;
}

/** As the query parameter: what to do about unknown and duplicate fields. */
export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';
