import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  type Definition,
  type Definitions,
  type Descriptions,
  REFERENCE,
  referenceTo,
} from './definitions.ts';

interface ModelField {
  /** TypeScript, e.g. `Array<V1Container>`. */
  type: string;
  format: string;
  required: boolean;
  description: string;
}

export interface Models {
  /** The Kubernetes release they were generated from, e.g. `1.34.0`. */
  version: string;
  /** By model name, e.g. `V1Pod`. */
  models: Map<string, { description: string; fields: Map<string, ModelField> }>;
}

/** Reads the generated model classes of `@kubernetes/client-node` as text: their type maps (.js) and comments (.d.ts). */
export function readModels(): Models {
  const entry = createRequire(import.meta.url).resolve('@kubernetes/client-node');
  const folder = join(dirname(entry), 'gen/models');
  const models: Models['models'] = new Map();
  let version = '';
  for (const file of readdirSync(folder).filter((name) => /^\w*V\d\w*\.js$/.test(name))) {
    const code = readFileSync(join(folder, file), 'utf8');
    version ||= /OpenAPI spec version: v([\d.]+)/.exec(code)?.[1] ?? '';
    const name = file.slice(0, -'.js'.length);
    models.set(name, readModel(name, code, readFileSync(join(folder, `${name}.d.ts`), 'utf8')));
  }
  return { version, models };
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

/** Adds to `definitions` what the models have more: fields, and the definitions of new kinds and of what they refer to. */
export function addModels(
  definitions: Definitions,
  descriptions: Descriptions,
  { models }: Models,
  messages: readonly string[],
): void {
  const named = new Map<string, string>();
  const place = (name: string): void => {
    for (const model of modelNames(name)) if (models.has(model)) named.set(model, named.get(model) ?? name);
  };
  for (const name of Object.keys(definitions)) place(name);
  // Protobuf messages tell the package of what is newer than the document.
  for (const message of messages) place(definitionName(message));

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
      if (definition.properties[field]) continue;
      const schema = schemaOf(spec, named);
      if (!schema) continue;
      definition.properties[field] = schema;
      if (spec.required) definition.required = [...(definition.required ?? []), field];
    }
    definitions[name] = definition;
  }
  removeDangling(definitions);
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
