import {
  type Definition,
  type Definitions,
  type Descriptions,
  REFERENCE,
  referenceTo,
} from './definitions.ts';
import type { MessageField, Messages } from './kubectl.ts';
import { addNewerKeys, NEWER_KINDS } from './newer.ts';
import { packageFiles } from './package-files.ts';

interface ModelField {
  /** TypeScript, e.g. `Array<V1Container>`. */
  type: string;
  format: string;
  required: boolean;
  description: string;
}

export interface Models {
  /** The Kubernetes release they were generated from, e.g. `1.36.0`. */
  version: string;
  /** By model name, e.g. `V1Pod`. */
  models: Map<string, { description: string; fields: Map<string, ModelField> }>;
}

/** The newest Kubernetes release that an npm package describes; its code needs Node 22. */
const PACKAGE = {
  name: '@kubernetes/client-node@2.0.1',
  integrity:
    'sha512-evJgmEtgArEYlj6DNkMGjK41IrFK/hEwb5lWVxx0VRBWybQpnvi+2TtA19mLgVfRHfqX5yjHObX6e9W7LEZBjw==',
  files: /^dist\/gen\/models\/\w*V\d\w*\.(js|d\.ts)$/,
};

/** Reads the generated model classes as text: their type maps (.js) and comments (.d.ts). */
export async function readModels(): Promise<Models> {
  const files = Object.entries(await packageFiles(PACKAGE));
  const types = new Map(files.filter(([path]) => path.endsWith('.d.ts')));
  const models: Models['models'] = new Map();
  let version = '';
  for (const [path, code] of files) {
    const name = /(\w+)\.js$/.exec(path)?.[1];
    if (name === undefined) continue;
    version ||= /OpenAPI spec version: (?:v|release-)([\d.]+)/.exec(code)?.[1] ?? '';
    models.set(name, readModel(name, code, types.get(path.replace(/js$/, 'd.ts'))!));
  }
  // A release branch is named without a patch.
  return { version: /^\d+\.\d+$/.test(version) ? `${version}.0` : version, models };
}

const COMMENT = String.raw`(?:/\*\*\n\s*\* (.*)\n\s*\*/\n)?`;

function readModel(name: string, code: string, types: string) {
  const map = /\.attributeTypeMap = (\[[\s\S]*?\n\]);/.exec(code)?.[1] ?? '[]';
  const fields = new Map<string, ModelField>();
  for (const { name: property, baseName, type, format } of JSON.parse(map) as Record<string, string>[]) {
    const declared = new RegExp(`${COMMENT}\\s*'${property!.replaceAll('$', '\\$')}'(\\??):`).exec(types);
    fields.set(baseName!, {
      type: type!,
      format: format!,
      required: declared?.[2] === '',
      description: unquote(declared?.[1] ?? ''),
    });
  }
  const description = new RegExp(`${COMMENT}export declare class ${name} `).exec(types)?.[1] ?? '';
  return { description: unquote(description), fields };
}

function unquote(text: string): string {
  return text.replaceAll(/\\(['"])/g, '$1');
}

/** Makes `definitions` those of the models' release: with its fields, its kinds and what they refer to, without the fields that are gone. */
export function addModels(
  definitions: Definitions,
  descriptions: Descriptions,
  { models }: Models,
  messages: Messages,
): void {
  const named = new Map(Object.entries(NEWER_KINDS));
  const place = (name: string): void => {
    for (const model of modelNames(name)) if (models.has(model)) named.set(model, named.get(model) ?? name);
  };
  for (const name of Object.keys(definitions)) place(name);
  // Protobuf messages tell the package of what is newer than the document.
  for (const message of Object.keys(messages)) place(definitionName(message));
  placeReferred(models, named);
  const fieldsOf = new Map(
    Object.entries(messages).map(([message, fields]) => [definitionName(message), fields]),
  );

  for (const [model, { fields, description }] of models) {
    const name = named.get(model);
    if (name === undefined) continue;
    const known = definitions[name];
    if (known && !known.properties && fields.size > 0 && known.type !== 'object') continue;
    const definition: Definition = known ?? { type: 'object', ...kindOf(name, fields) };
    definition.properties ??= {};
    descriptions[name] ??= description ? { '': description } : {};
    const texts = descriptions[name];
    for (const [field, spec] of fields) {
      if (spec.description) texts[field] ??= spec.description;
      const schema = schemaOf(spec, named);
      const before = definition.properties[field];
      // A field may have got a type of its own since.
      const isRetyped =
        before?.$ref !== undefined && schema?.$ref !== undefined && before.$ref !== schema.$ref;
      if (before && !isRetyped) continue;
      if (!schema) continue;
      const sent = fieldsOf.get(name);
      const message = Array.isArray(sent) ? sent.find((each) => each[1] === field) : undefined;
      definition.properties[field] = message ? asSent(schema, message, messages) : schema;
      if (spec.required && !before) definition.required = [...(definition.required ?? []), field];
    }
    // What the release no longer has.
    for (const field of Object.keys(definition.properties)) {
      if (!fields.has(field)) delete definition.properties[field];
    }
    definitions[name] = definition;
  }
  addNewerKeys(definitions);
  removeDangling(definitions);
}

/** What only models of one package refer to is of that package. */
function placeReferred(models: Models['models'], named: Map<string, string>): void {
  for (const [model, name] of named) {
    for (const { type } of models.get(model)?.fields.values() ?? []) {
      const referred = /\b\w*V\d\w+/.exec(type)?.[0];
      const kind = /V\d+(?:(?:alpha|beta)\d+)?(\w+)$/.exec(referred ?? '')?.[1];
      if (referred === undefined || kind === undefined || !models.has(referred) || named.has(referred))
        continue;
      // The loop goes on to what is added while it runs.
      named.set(referred, name.replace(/\w+$/, kind));
    }
  }
}

/** The models call every type that JSON has as a string just that; protobuf tells which it is, e.g. a Quantity. */
function asSent(
  schema: Definition,
  [number, name, , type, message]: MessageField,
  messages: Messages,
): Definition {
  const found = message === undefined ? undefined : messages[message];
  if (!found) return schema;
  if (!Array.isArray(found)) {
    const values = schema.additionalProperties;
    return typeof values === 'object'
      ? { ...schema, additionalProperties: asSent(values, found.map, messages) }
      : schema;
  }
  if (schema.items)
    return { ...schema, items: asSent(schema.items, [number, name, false, type, message], messages) };
  return schema.type === 'string' ? referenceTo(definitionName(message!)) : schema;
}

/** `V1Pod`, and with its group where two groups have the name: `CoreV1Event`. */
function modelNames(definition: string): string[] {
  const [kind, version = '', group = ''] = definition.split('.').reverse();
  const [Version, Group] = [version, group].map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return [`${Group!.replaceAll('-', '')}${Version}${kind}`, `${Version}${kind}`];
}

/** `k8s.io.api.core.v1.Pod` is `io.k8s.api.core.v1.Pod`. */
export function definitionName(message: string): string {
  return message
    .replace(/^k8s\.io\./, 'io.k8s.')
    .replace('.apiextensions_apiserver.', '.apiextensions-apiserver.')
    .replace('.kube_aggregator.', '.kube-aggregator.');
}

const GROUP_SUFFIX = '.k8s.io';
const BARE_GROUPS = new Set(['apps', 'autoscaling', 'batch', 'policy', 'extensions']);

/** Objects have `apiVersion`, `kind` and `metadata`; the group follows from the package. */
function kindOf(name: string, fields: ReadonlyMap<string, unknown>): Definition {
  const [kind, version, group] = name.split('.').reverse() as [string, string, string];
  if (!['apiVersion', 'kind', 'metadata'].every((field) => fields.has(field))) return {};
  const full =
    group === 'core'
      ? ''
      : BARE_GROUPS.has(group)
        ? group
        : group === 'rbac'
          ? 'rbac.authorization.k8s.io'
          : group + GROUP_SUFFIX;
  return { 'x-kubernetes-group-version-kind': [{ group: full, version, kind }] };
}

const FORMATS: Record<string, Definition> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  number: { type: 'integer' },
  any: {},
  object: { type: 'object' },
  Date: referenceTo('io.k8s.apimachinery.pkg.apis.meta.v1.Time'),
  V1MicroTime: referenceTo('io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime'),
  IntOrString: referenceTo('io.k8s.apimachinery.pkg.util.intstr.IntOrString'),
};

function schemaOf(
  { type, format }: Pick<ModelField, 'type' | 'format'>,
  named: ReadonlyMap<string, string>,
): Definition | undefined {
  const array = /^Array<(.*)>$/.exec(type)?.[1];
  if (array) {
    const items = schemaOf({ type: array, format }, named);
    return items && { type: 'array', items };
  }
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  if (map) {
    const values = schemaOf({ type: map, format }, named);
    return values && { type: 'object', additionalProperties: values };
  }
  if (format === 'double') return { type: 'number', format };
  const known = FORMATS[type];
  if (known) return known.$ref || format === '' ? known : { ...known, format };
  const name = named.get(type);
  return name === undefined ? undefined : referenceTo(name);
}

/** The document lacks a few definitions that it refers to: they become any value. */
function removeDangling(definitions: Definitions): void {
  const visit = (schema: Definition): void => {
    if (schema.$ref && !definitions[schema.$ref.slice(REFERENCE.length)]) delete schema.$ref;
    if (schema.items) visit(schema.items);
    if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties);
    for (const property of Object.values(schema.properties ?? {})) visit(property);
  };
  for (const definition of Object.values(definitions)) visit(definition);
}
