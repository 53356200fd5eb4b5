import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  isStatus,
  type JsonSchema,
  nearestOf,
  type PluginDeclaration,
  type PluginObject,
  StatusError,
} from 'orlop/plugin';
import { BundleCache } from '../../bundles/cache.ts';
import { standardPlugins } from '../../standard.ts';
import { type ApiClient, apiClient } from '../client.ts';
import { UsageError } from '../command.ts';
import { readKubeconfig } from '../kubeconfig.ts';
import { cacheDir, dataDir } from '../paths.ts';
import { load } from './module.ts';

/** Prints what can be configured of a plugin: as it runs in the cluster of that data folder, of Orlop's own, or of a module. */
export async function printConfig(name: string, data: unknown): Promise<number> {
  const running = /[./]/.test(name) ? undefined : await moduleInCluster(name, dataDir(data));
  const modules = standardPlugins(['server', 'node']).map(({ module }) => import(module));
  const standard = (await Promise.all(modules)).map((each: { default: PluginDeclaration }) => each.default);
  const found =
    running === undefined ? standard.find((each) => each.name === name) : await load(await located(running));
  const declaration = found ?? (await loadOr(name, () => unknownName(name, standard)));
  console.log(describe(declaration, running === undefined ? declaration.name : name));
  return 0;
}

/** What its Plugin object names, if there is a cluster and it does. */
async function moduleInCluster(name: string, data: string): Promise<string | undefined> {
  let client: ApiClient | undefined;
  try {
    client = apiClient(readKubeconfig(data));
    return (await client.get<PluginObject>(`/apis/orlop.dev/v1/plugins/${encodeURIComponent(name)}`)).spec
      .module;
  } catch (error) {
    // None there, or it is stopped.
    if (isStatus(error, 'NotFound') || isStatus(error, 'ServiceUnavailable')) return undefined;
    throw error;
  } finally {
    client?.close();
  }
}

/** A blob has been unpacked on this machine by the kernel that runs it. */
async function located(module: string): Promise<string> {
  if (!module.startsWith('blob:')) return module;
  const get = (digest: string) =>
    Promise.reject(new StatusError('NotFound', `no kernel of this machine has run ${digest}`));
  return await new BundleCache({ get }, join(cacheDir(), 'plugins/bundles')).locate(module);
}

/** A word may be a package's name, or a misspelt plugin's. */
async function loadOr(name: string, unknown: () => Error): Promise<PluginDeclaration> {
  try {
    return await load(name);
  } catch (error) {
    if (/[./]/.test(name) || existsSync(name) || !isStatus(error, 'NotFound')) throw error;
    throw unknown();
  }
}

function unknownName(name: string, standard: readonly PluginDeclaration[]): Error {
  const names = standard.map((each) => each.name).sort();
  return new UsageError(
    `there is no standard plugin "${name}", nor a package of that name; did you mean "${nearestOf(name, names)}"? There are: ${names.join(', ')}.`,
  );
}

/** `object`: the name of its Plugin object. */
function describe(
  { name, kind, version, description, config, grants }: PluginDeclaration,
  object: string,
): string {
  const keys = Object.entries(config?.properties ?? {});
  const powers = `Host powers: ${grants?.host?.join(', ') || 'none'}.`;
  const about = [`${name} (${kind}, version ${version})`, description, powers, ''];
  if (keys.length === 0) return [...about, 'It has no configuration.'].join('\n');
  const [first] = keys;
  const example = JSON.stringify({ spec: { config: { [first![0]]: exampleOf(first![1]) } } });
  return [
    ...about,
    ...keys.flatMap(([key, schema]) => describeKey(key, schema, config?.required?.includes(key) ?? false)),
    '',
    `Set it in spec.config of the Plugin object, or, of a standard plugin, with \`orlop up --set PLUGIN.KEY=VALUE\`:`,
    '',
    `  kubectl patch plugin ${object} --type merge -p '${example}'`,
  ].join('\n');
}

/** A value of that type. */
function exampleOf({ default: given, enum: [one] = [], type, minimum }: JsonSchema): unknown {
  if (given !== undefined || one !== undefined) return given ?? one;
  if (type === 'integer' || type === 'number') return minimum ?? 1;
  return type === 'boolean' ? true : type === 'array' ? [] : type === 'object' ? {} : '...';
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
