import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { definePlugin, type PluginDeclaration, StatusError } from 'orlop/plugin';
import { start } from './instance.ts';
import { tokensOf } from './kinds.ts';
import { parseManifest } from './manifest.ts';
import { remoteGrants } from './remote.ts';

/**
 * The loader of manifests: a plugin whose program is in any language. `memory`: its limit, instead of the manifest's own. Throws `Invalid`, or that
 * there is no such file.
 */
export async function load(
  module: URL,
  { memory }: { memory?: string | undefined } = {},
): Promise<PluginDeclaration> {
  const file = fileURLToPath(module);
  const own = parseManifest(await readFile(file, 'utf8'), file);
  const manifest = { ...own, memory: memory ?? own.memory };
  const { name, kind, version, description, config, singleton, required, run, grants } = manifest;
  const remote = 'remote' in run ? remoteGrants(run.remote) : undefined;
  if (remote && memory !== undefined) {
    const text = `plugin "${name}" cannot be limited to ${memory} of memory: it runs elsewhere`;
    throw new StatusError('Invalid', text);
  }
  return definePlugin<never, never>({
    name,
    kind,
    version,
    description,
    isolation: 'process',
    provides: tokensOf(kind),
    grants: {
      ...grants,
      publish: [...(grants.publish ?? []), ...(remote?.publish ?? [])],
      subscribe: [...(grants.subscribe ?? []), ...(remote?.subscribe ?? [])],
      ...(remote ? {} : { host: ['exec'] as const }),
    },
    ...(config ? { config } : {}),
    ...(singleton === undefined ? {} : { singleton }),
    ...(required === undefined ? {} : { required }),
    start: (ctx) => start(ctx, manifest, dirname(file)),
  }) as unknown as PluginDeclaration;
}
