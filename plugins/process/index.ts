import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { definePlugin, type PluginDeclaration } from 'orlop/plugin';
import { start } from './instance.ts';
import { tokensOf } from './kinds.ts';
import { parseManifest } from './manifest.ts';
import { remoteGrants } from './remote.ts';

/** The loader of manifests: a plugin whose program is in any language. Throws `Invalid`, or that there is no such file. */
export async function load(module: URL): Promise<PluginDeclaration> {
  const file = fileURLToPath(module);
  const manifest = parseManifest(await readFile(file, 'utf8'), file);
  const { name, kind, version, description, config, singleton, required, run, grants } = manifest;
  const remote = 'remote' in run ? remoteGrants(run.remote) : undefined;
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
