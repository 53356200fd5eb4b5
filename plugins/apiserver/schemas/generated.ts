import { readFileSync } from 'node:fs';
import type { GroupVersionKind } from '../resources/types.ts';
import { type Definition, type Definitions, type Descriptions, REFERENCE } from './definitions.ts';
import { KERNEL_DEFINITIONS } from './kernel.ts';
import type { Messages } from './kubectl.ts';
import { METRICS_DEFINITIONS } from './metrics.ts';
import { olderDefinitions, SAME_AS } from './older.ts';
import { PLUGIN_DEFINITIONS } from './plugin.ts';
import type { Schema, SchemaSource } from './types.ts';

function read<T>(name: string): T {
  const url = new URL(`../../../generated/schemas/${name}`, import.meta.url);
  try {
    return JSON.parse(readFileSync(url, 'utf8')) as T;
  } catch (error) {
    throw new Error(`the API schemas are missing (${url.pathname}): run \`npm run build\``, { cause: error });
  }
}

/** The generated schemas, and those of custom kinds added at run time. */
export class Schemas implements SchemaSource {
  readonly version: string;
  readonly definitions: Definitions;
  #descriptions: Descriptions | undefined;
  readonly #names = new Map<string, string>();
  readonly #linked = new Map<string, Schema>();

  constructor() {
    const { version, definitions } = read<{ version: string; definitions: Definitions }>('schemas.json');
    this.version = version;
    this.definitions = {
      ...definitions,
      ...olderDefinitions(definitions),
      ...PLUGIN_DEFINITIONS,
      ...METRICS_DEFINITIONS,
      ...KERNEL_DEFINITIONS,
    };
    for (const [name, definition] of Object.entries(this.definitions)) this.#index(name, definition);
  }

  /** Adds or replaces a definition, e.g. of a custom resource. */
  add(name: string, definition: Definition): void {
    this.definitions[name] = definition;
    this.#linked.clear();
    this.#index(name, definition);
  }

  #index(name: string, definition: Definition): void {
    for (const kind of definition['x-kubernetes-group-version-kind'] ?? []) {
      const key = kindKey(kind);
      // DeleteOptions and WatchEvent claim every group.
      if (!this.#names.has(key)) this.#names.set(key, name);
    }
  }

  /** e.g. `io.k8s.api.core.v1.Pod`. */
  definitionOf(kind: GroupVersionKind): string | undefined {
    return this.#names.get(kindKey(kind));
  }

  schemaFor(kind: GroupVersionKind): Schema | undefined {
    const name = this.definitionOf(kind);
    return name === undefined ? undefined : this.named(name);
  }

  named(name: string): Schema {
    const linked = this.#linked.get(name);
    if (linked) return linked;
    const definition = this.definitions[name] ?? {};
    const schema: Record<string, unknown> = { name };
    // Known before its fields are linked, because schemas refer to themselves.
    this.#linked.set(name, schema);
    Object.assign(schema, this.#link(definition), { name });
    if (name.endsWith('.api.resource.Quantity')) schema['format'] = 'quantity';
    return schema;
  }

  #link(definition: Definition): Schema {
    const reference = definition.$ref && this.named(definition.$ref.slice(REFERENCE.length));
    if (reference && Object.keys(definition).length === 1) return reference;
    const schema: Record<string, unknown> = { ...reference };
    for (const [from, to] of KEYWORDS) if (definition[from] !== undefined) schema[to] = definition[from];
    if (definition.properties) {
      const properties = Object.create(null) as Record<string, Schema>;
      for (const [name, property] of Object.entries(definition.properties))
        properties[name] = this.#link(property);
      schema['properties'] = properties;
    }
    if (definition.items) schema['items'] = this.#link(definition.items);
    if (typeof definition.additionalProperties === 'object') {
      schema['additionalProperties'] = this.#link(definition.additionalProperties);
    }
    if (definition.type === 'object' && !definition.properties && !definition.additionalProperties) {
      schema['preserveUnknown'] = true;
    }
    return schema;
  }

  /** Read at first use: 1 MB that only `kubectl explain` and the like need. */
  descriptionsOf(name: string): Record<string, string> {
    this.#descriptions ??= read<Descriptions>('descriptions.json');
    return this.#descriptions[SAME_AS[name] ?? name] ?? {};
  }
}

const KEYWORDS = [
  ['type', 'type'],
  ['format', 'format'],
  ['required', 'required'],
  ['default', 'default'],
  ['x-kubernetes-list-type', 'listType'],
  ['x-kubernetes-list-map-keys', 'listMapKeys'],
  ['x-kubernetes-map-type', 'mapType'],
  ['x-kubernetes-patch-strategy', 'patchStrategy'],
  ['x-kubernetes-patch-merge-key', 'patchMergeKey'],
  ['x-kubernetes-preserve-unknown-fields', 'preserveUnknown'],
] as const satisfies readonly (readonly [keyof Definition, keyof Schema])[];

function kindKey({ group, version, kind }: GroupVersionKind): string {
  return `${group}/${version}/${kind}`;
}

/** Protobuf field tables. */
export function protobufMessages(): Messages {
  return read<Messages>('protobuf.json');
}
