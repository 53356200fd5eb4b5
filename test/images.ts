/**
 * Images for tests, made on the spot from Debian packages, from scratch: nothing is pulled. The packages are kept in
 * the user's cache folder. Needs Debian's apt-get and dpkg.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { completed, type Engine, engineAddress, openEngine } from '../runtimes/docker/engine.ts';

const run = promisify(execFile);
const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'orlop-test', 'images');
const LABEL = 'orlop.dev/test-recipe';

interface Recipe {
  /** Debian packages; of `busybox-static` the applets are linked too. */
  packages: readonly string[];
  /** More files, by absolute path. */
  files: Readonly<Record<string, string>>;
  /** Dockerfile instructions. */
  changes: readonly string[];
}

const ACCOUNTS = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\n',
  '/etc/group': 'root:x:0:\nwww-data:x:33:\n',
};

const busybox: Recipe = {
  packages: ['busybox-static'],
  files: { ...ACCOUNTS, '/tmp/.keep': '' },
  changes: ['CMD ["/bin/sh"]', 'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
};

const NGINX_CONFIG = `user www-data;
worker_processes 2;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  access_log /dev/stdout;
  server {
    listen 80;
    root /usr/share/nginx/html;
    location = /hostname { default_type text/plain; return 200 "$hostname\\n"; }
  }
}
`;

/** Debian's nginx under the names that the Kubernetes documentation uses; the page says which. */
function nginx(version: string): Recipe {
  return {
    packages: [
      'busybox-static',
      'nginx',
      'nginx-common',
      'libc6',
      'libcrypt1',
      'libpcre2-8-0',
      'libssl3',
      'zlib1g',
    ],
    files: {
      ...ACCOUNTS,
      '/etc/nginx/nginx.conf': NGINX_CONFIG,
      '/usr/share/nginx/html/index.html': `<h1>Welcome to nginx!</h1>\n<p>image nginx:${version}</p>\n`,
      '/run/.keep': '',
      '/tmp/.keep': '',
      '/var/lib/nginx/.keep': '',
      '/var/log/nginx/.keep': '',
    },
    changes: [
      'CMD ["nginx", "-g", "daemon off;"]',
      'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin',
      `ENV NGINX_VERSION=${version}`,
      'EXPOSE 80',
      'STOPSIGNAL SIGQUIT',
    ],
  };
}

const RECIPES = {
  'busybox:1.36': busybox,
  'nginx:1.14.2': nginx('1.14.2'),
  'nginx:1.16.1': nginx('1.16.1'),
};

export type TestImage = keyof typeof RECIPES;

/** Makes the images available in the engine under exactly these names; quick when they are there already. */
export async function ensureImages(...names: TestImage[]): Promise<void> {
  const engine = openEngine(engineAddress());
  for (const name of names) await ensureImage(engine, name);
}

/** Why there is no Docker engine to test with, or `false` when there is one. For `t.test(name, { skip })`; throws where CI is set. */
export async function missingEngine(): Promise<string | false> {
  const address = engineAddress();
  try {
    await openEngine(address).ping();
    return false;
  } catch (error) {
    const message = `no Docker engine answers at ${address} (${String(error)}): run .ci/engine.sh, or start Docker`;
    if (process.env['CI'] && process.env['CI'] !== 'false') throw new Error(message, { cause: error });
    return message;
  }
}

async function ensureImage(engine: Engine, name: TestImage): Promise<void> {
  const recipe: Recipe = RECIPES[name];
  const digest = createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 16);
  const present = await engine.listImages({ filters: { label: [`${LABEL}=${digest}`], reference: [name] } });
  if (present.length > 0) return;
  await mkdir(cache, { recursive: true });
  const context = await mkdtemp(join(cache, 'context-'));
  try {
    await assemble(recipe, join(context, 'root'));
    const lines = ['FROM scratch', 'COPY root /', ...recipe.changes, `LABEL ${LABEL}=${digest}`];
    await writeFile(join(context, 'Dockerfile'), lines.join('\n'));
    const archive = join(context, 'context.tar');
    const owner = ['--numeric-owner', '--owner=0', '--group=0'];
    await run('tar', [...owner, '-C', context, '-cf', archive, 'Dockerfile', 'root']);
    await completed(engine, await engine.buildImage(archive, { t: name, forcerm: true }));
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function assemble(recipe: Recipe, root: string): Promise<void> {
  await mkdir(root);
  for (const name of recipe.packages) await run('dpkg', ['-x', await debianPackage(name), root]);
  for (const [path, text] of Object.entries(recipe.files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await rm(join(root, path), { force: true });
    await writeFile(join(root, path), text);
  }
  const applets = await run(join(root, 'bin/busybox'), ['--list']);
  for (const applet of applets.stdout.split('\n')) {
    if (applet === '' || applet === 'busybox' || existsSync(join(root, 'bin', applet))) continue;
    await symlink('busybox', join(root, 'bin', applet));
  }
}

/** The path of a package's .deb, downloaded once. A machine that never ran `apt-get update` runs it here. */
async function debianPackage(name: string): Promise<string> {
  const folder = join(cache, name);
  const kept = existsSync(folder) ? (await readdir(folder)).find((file) => file.endsWith('.deb')) : undefined;
  if (kept) return join(folder, kept);
  const fresh = await mkdtemp(join(cache, 'deb-'));
  try {
    await run('apt-get', ['download', name], { cwd: fresh });
  } catch {
    await run('apt-get', ['update']);
    await run('apt-get', ['download', name], { cwd: fresh });
  }
  try {
    await rename(fresh, folder);
  } catch (error) {
    // Another test file downloaded it at the same time.
    await rm(fresh, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
  return await debianPackage(name);
}

/** Removes what a cluster left running in the engine, for tests that remove its data folder. `instance`: the folder's `kernel-id`. */
export async function forgetPods(instance: string): Promise<void> {
  const engine = openEngine(engineAddress());
  const label = [`orlop.dev/instance=${instance}`];
  for (const { Id } of await engine.listContainers({ all: true, filters: { label } })) {
    await engine.getContainer(Id).remove({ force: true, v: true });
  }
  for (const { Id } of await engine.listNetworks({ filters: { label } }))
    await engine.getNetwork(Id).remove();
}

/** Names of a cluster's containers that run. `instance`: its data folder's `kernel-id`. */
export async function runningContainers(instance: string): Promise<string[]> {
  const label = [`orlop.dev/instance=${instance}`];
  const found = await openEngine(engineAddress()).listContainers({ filters: { label } });
  return found.flatMap(({ Names }) => Names);
}
