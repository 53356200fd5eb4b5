import { type JsonSchema, nearestOf, type PluginDeclaration } from 'orlop/plugin';
import { standardPlugins } from '../../standard.ts';
import { UsageError } from '../command.ts';
import { load } from './module.ts';

/** Prints what can be configured of a standard plugin, or of a module. */
export async function printConfig(name: string): Promise<number> {
  const declaration = (await standard(name)) ?? (await load(name)).declaration;
  console.log(describe(declaration));
  return 0;
}

async function standard(name: string): Promise<PluginDeclaration | undefined> {
  const modules = standardPlugins(['server', 'node']).map(({ module }) => import(module));
  const declarations = (await Promise.all(modules)).map(
    (each: { default: PluginDeclaration }) => each.default,
  );
  const found = declarations.find((each) => each.name === name);
  if (found || /[./]/.test(name)) return found;
  const names = declarations.map((each) => each.name);
  throw new UsageError(
    `there is no standard plugin "${name}"; did you mean "${nearestOf(name, names)}"? There are: ${names.sort().join(', ')}.`,
  );
}

function describe({ name, kind, version, description, config }: PluginDeclaration): string {
  const keys = Object.entries(config?.properties ?? {});
  return [
    `${name} (${kind}, version ${version})`,
    description,
    '',
    ...(keys.length === 0
      ? ['It has no configuration.']
      : keys.flatMap(([key, schema]) => describeKey(key, schema, config?.required?.includes(key) ?? false))),
    ...(keys.length === 0
      ? []
      : ['', 'Set with `orlop up --set PLUGIN.KEY=VALUE`, or under spec.config of the Plugin object:', '']),
    ...(keys.length === 0
      ? []
      : [`  kubectl patch plugin ${name} --type merge -p '{"spec":{"config":{...}}}'`]),
  ].join('\n');
}

function describeKey(key: string, schema: JsonSchema, required: boolean, depth = 1): string[] {
  const indent = '  '.repeat(depth);
  const facts = [
    schema.type === 'array' && schema.items?.type
      ? `list of ${schema.items.type}`
      : (schema.type ?? 'anything'),
    required && schema.default === undefined ? 'required' : '',
    schema.default === undefined ? '' : `default ${JSON.stringify(schema.default)}`,
    schema.enum ? `one of ${schema.enum.map((each) => JSON.stringify(each)).join(', ')}` : '',
    schema.minimum === undefined ? '' : `at least ${schema.minimum}`,
    schema.maximum === undefined ? '' : `at most ${schema.maximum}`,
    schema.pattern === undefined ? '' : `matching ${schema.pattern}`,
  ].filter((fact) => fact !== '');
  const inner = schema.type === 'array' ? schema.items : schema;
  return [
    `${indent}${key} (${facts.join('; ')})`,
    ...(schema.description === undefined ? [] : [`${indent}    ${schema.description}`]),
    ...Object.entries(inner?.properties ?? {}).flatMap(([name, each]) =>
      describeKey(name, each, inner?.required?.includes(name) ?? false, depth + 2),
    ),
  ];
}
