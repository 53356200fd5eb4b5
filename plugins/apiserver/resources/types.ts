import type { KubeObject, ObjectClient, Resource, UserInfo, Write } from 'orlop/plugin';

/**
 * One resource the HTTP API serves: all that the generic handler needs to know about it, as data and pure functions. A row of an
 * older version of a resource names the newer one's `storage`.
 */
export interface ResourceRow<T extends KubeObject = KubeObject> extends Resource<T> {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** As in discovery: create, delete, deletecollection, get, list, patch, update, watch. */
  readonly verbs: readonly string[];
  readonly subresources: readonly Subresource[];
  readonly scale?: ScalePaths;
  /** Where its objects are kept, and as what kind. */
  readonly storage: Resource<T>;
  /** From and to the stored version, in place; absent when they are the same but for `apiVersion`. */
  readonly conversion?: { fromStorage(object: T): void; toStorage(object: T): void };
  /** Where answers come from: kept objects; the question itself, which is not kept (SelfSubjectAccessReview); the node agents; the kernels. */
  readonly source: 'store' | 'review' | 'nodes' | 'plugins' | 'presence';
  readonly strategy: Strategy<T>;
  /** What `kubectl get` shows; the first is Name. */
  readonly columns: readonly Column<T>[];
  /** By field label, e.g. `status.phase`; `metadata.name` and `metadata.namespace` included. */
  readonly fieldSelectors: FieldSelectors<T>;
  /** Said to whoever uses this version, e.g. `v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice`. */
  readonly deprecation?: string;
}

export interface Subresource {
  /** e.g. `status`, `scale`, `log`, `exec`, `binding`, `eviction`, `finalize`. */
  readonly name: string;
  /** What its bodies are; for `scale` that is not the resource's own kind. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

/** Dotted paths without a leading dot, as in a CustomResourceDefinition's `scale`. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  /** Of a LabelSelector (`spec.selector`) or of its string form. */
  readonly labelSelectorPath?: string;
}

export interface FieldSelectors<T> {
  // A method, so that a row of a specific kind is a row.
  [label: string]: { bivariant(object: T): string }['bivariant'];
}

/**
 * What is special about one kind. Everything works in place on a draft that nobody else sees, does no I/O but for `reserve`, and is
 * called by `lifecycle.ts`, which adds what all kinds have in common. Source: kube-apiserver's `registry/.../strategy.go`.
 */
export interface Strategy<T extends KubeObject = KubeObject> {
  /** Fills in what the user left out; idempotent. Source: `pkg/apis/.../defaults.go`. */
  default?(object: T): void;
  /** `user`: who asks; absent for what the server itself makes. */
  prepareForCreate?(object: T, user?: UserInfo): void;
  prepareForUpdate?(next: T, old: T): void;
  prepareForStatusUpdate?(next: T, old: T, subresource: StatusPart): void;
  /** How `metadata.name` must look; default a DNS-1123 subdomain. Returns what is wrong with it. */
  readonly validateName?: (name: string) => string[];
  /** All but metadata; called for creates and updates alike. */
  validate?(object: T): FieldError[];
  /** What a new object may not have, besides. */
  validateCreate?(object: T): FieldError[];
  /** What may not change. */
  validateUpdate?(next: T, old: T): FieldError[];
  validateStatusUpdate?(next: T, old: T, subresource: StatusPart): FieldError[];
  /** Subresources, by name, through which one part of the object is written and nothing else. */
  readonly parts?: Readonly<Record<string, PartStrategy<T>>>;
  /** For `Warning:` headers; `old` when it is updated. Not asked when only the status is written. */
  warnings?(object: T, old?: T): string[];
  /** Seconds; absent: deletes at once. */
  gracePeriodSeconds?(object: T, asked: number | undefined): number;
  /** Whoever creates it may say its status at once, as a kubelet does with its Node. */
  readonly keepsStatus?: boolean;
  /** An update of a name that does not exist creates it (Lease, Endpoints, Event ...). */
  readonly allowCreateOnUpdate?: boolean;
  /**
   * Allocates what the object needs of a shared space (a Service's addresses and ports) and sets it in `next`. The returned writes
   * belong into one transaction with the object's own; see `storeReserving`. Throws `StatusError` when something is taken.
   */
  reserve?(objects: ObjectClient, next: T, old: T | undefined): Promise<Write[]>;
}

export interface PartStrategy<T> {
  /** Takes over from `wanted` into `next`, a copy of the old object, what the subresource is for. */
  take(next: T, wanted: T): void;
  /** What may not change; `next` is checked by `validate` besides. */
  validate(next: T, old: T): FieldError[];
}

/** The subresources through which only the status is written. */
export type StatusPart = 'status' | 'approval';

export type FieldErrorType =
  | 'Required'
  | 'Invalid'
  | 'Unsupported'
  | 'Forbidden'
  | 'Duplicate'
  | 'TooLong'
  | 'TooMany'
  | 'NotFound';

/** One thing wrong with an object. `field` is its path as upstream writes it, e.g. `spec.containers[0].image`. */
export interface FieldError {
  readonly type: FieldErrorType;
  readonly field: string;
  /** What was there; shown for Invalid, Unsupported, Duplicate, NotFound. */
  readonly value?: unknown;
  readonly detail: string;
}

export interface Column<T> {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date' | 'number';
  readonly format?: string;
  readonly description: string;
  /** 1: only with `-o wide`. */
  readonly priority: 0 | 1;
  value(object: T, now: number): string | number | boolean | null;
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}
