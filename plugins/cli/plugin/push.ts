import { createReadStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asStatusError, blobReference, StatusError } from 'orlop/plugin';
import { BundleCache } from '../../bundles/cache.ts';
import { apiClient } from '../client.ts';
import { readKubeconfig } from '../kubeconfig.ts';
import { dataDir } from '../paths.ts';
import { writeBundle } from './bundle.ts';
import { findModule, load } from './module.ts';
import { applyPlugin } from './swap.ts';

/** `orlop plugin push`. Resolves with the exit code. */
export async function pushPlugin(
  path: string,
  o: { swap: string | undefined; data: unknown },
): Promise<number> {
  const module = findModule(/^[./]/.test(path) ? path : `./${path}`);
  if (!module) throw new StatusError('NotFound', `there is no plugin at ${path}`);
  const work = mkdtempSync(join(tmpdir(), 'orlop-push-'));
  const client = apiClient(readKubeconfig(dataDir(o.data)));
  try {
    const archive = join(work, 'bundle.tgz');
    const { files, native } = await writeBundle(module, archive);
    if (native.length > 0)
      console.warn(
        `note: it has native code, which runs on ${process.platform} ${process.arch} only: ${native[0]}`,
      );
    const { name, version, kind } = await tryOut(archive, work);
    const { digest } = await client.upload<{ digest: string }>(
      '/apis/orlop.dev/v1/blobs',
      createReadStream(archive),
    );
    const reference = blobReference(digest);
    const size = (statSync(archive).size / 1024).toFixed(1);
    console.log(`${name} ${version} (${kind}): ${files} files, ${size} KiB packed`);
    console.log(reference);
    if (o.swap === undefined) return 0;
    return (await applyPlugin(client, o.swap, { module: reference }, console.log)) ? 0 : 1;
  } finally {
    client.close();
    rmSync(work, { recursive: true, force: true });
  }
}

/** Loads the bundle as a kernel will, from a folder where nothing is but itself: what it does not bring along is missing here already. */
async function tryOut(
  archive: string,
  work: string,
): Promise<{ name: string; version: string; kind: string }> {
  const here = { get: () => Promise.resolve(createReadStream(archive)) };
  const url = await new BundleCache(here, join(work, 'cache')).locate(
    blobReference(`sha256-${'0'.repeat(64)}`),
  );
  try {
    return await load(url);
  } catch (error) {
    const { reason, message } = asStatusError(error);
    const text = message.replaceAll(dirname(url), 'BUNDLE').replaceAll(dirname(fileURLToPath(url)), 'BUNDLE');
    const advice = `a bundle brings along what its package.json names as dependencies, and nothing from outside`;
    throw new StatusError(
      reason,
      `not pushed, because alone it does not load: ${text}; ${advice}`,
      {},
      { cause: error },
    );
  }
}
