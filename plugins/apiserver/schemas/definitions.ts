/** One OpenAPI v3 schema as Kubernetes writes them. References look like `#/components/schemas/NAME`. */
export interface Definition {
  $ref?: string;
  allOf?: Definition[];
  oneOf?: Definition[];
  type?: string;
  format?: string;
  description?: string;
  properties?: Record<string, Definition>;
  additionalProperties?: Definition | boolean;
  items?: Definition;
  required?: string[];
  default?: unknown;
  enum?: unknown[];
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-patch-strategy'?: string;
  'x-kubernetes-patch-merge-key'?: string;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
}

/** By name, e.g. `io.k8s.api.core.v1.Pod`. */
export type Definitions = Record<string, Definition>;

/** Definition -> field (`''`: the definition itself) -> text. */
export type Descriptions = Record<string, Record<string, string>>;

export const REFERENCE = '#/components/schemas/';

export function referenceTo(name: string): Definition {
  return { $ref: REFERENCE + name };
}
