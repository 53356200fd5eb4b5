/** Pods that use volumes, coming and going on a real node agent: what they find in them is what they say, and what they wrote stays. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Pod, Pods } from 'orlop/plugin';
import type { Test } from 'tap';
import type { TestKernel } from '../cluster.ts';
import { writeModule } from '../runtimes/wasm-guests.ts';
import type { Api } from './swapcluster.ts';

/** Reads `config` and `secret` in its first folder, writes both as `copy` into the second and the third, and prints what these hold then. */
const COPIER = `(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path-open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd-read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd-write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd-close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc-exit (param i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "config")
  (data (i32.const 72) "secret")
  (data (i32.const 80) "copy")
  (global $end (mut i32) (i32.const 4096))
  (func $must (param $errno i32) (if (local.get $errno) (then (call $proc-exit (i32.const 1)))))
  (func $open (param $folder i32) (param $name i32) (param $length i32) (param $flags i32) (param $rights i64) (result i32)
    (call $must (call $path-open (local.get $folder) (i32.const 1) (local.get $name) (local.get $length)
      (local.get $flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 32)))
    (i32.load (i32.const 32)))
  (func $write (param $file i32) (param $from i32) (param $to i32)
    (i32.store (i32.const 0) (local.get $from))
    (i32.store (i32.const 4) (i32.sub (local.get $to) (local.get $from)))
    (call $must (call $fd-write (local.get $file) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $append (param $folder i32) (param $name i32) (param $length i32) (local $file i32)
    (local.set $file (call $open (local.get $folder) (local.get $name) (local.get $length) (i32.const 0) (i64.const 2)))
    (loop $more
      (i32.store (i32.const 0) (global.get $end))
      (i32.store (i32.const 4) (i32.const 4096))
      (call $must (call $fd-read (local.get $file) (i32.const 0) (i32.const 1) (i32.const 8)))
      (global.set $end (i32.add (global.get $end) (i32.load (i32.const 8))))
      (br_if $more (i32.load (i32.const 8))))
    (call $must (call $fd-close (local.get $file))))
  (func $copy (param $folder i32) (param $to i32) (local $file i32)
    (local.set $file (call $open (local.get $folder) (i32.const 80) (i32.const 4) (i32.const 9) (i64.const 64)))
    (call $write (local.get $file) (i32.const 4096) (local.get $to))
    (call $must (call $fd-close (local.get $file))))
  (func (export "_start") (local $read i32)
    (call $append (i32.const 3) (i32.const 64) (i32.const 6))
    (call $append (i32.const 3) (i32.const 72) (i32.const 6))
    (local.set $read (global.get $end))
    (call $copy (i32.const 4) (local.get $read))
    (call $copy (i32.const 5) (local.get $read))
    (call $append (i32.const 4) (i32.const 80) (i32.const 4))
    (call $append (i32.const 5) (i32.const 80) (i32.const 4))
    (call $write (i32.const 1) (local.get $read) (global.get $end))))
`;

export interface VolumePods {
  /** Has one come, do its work and go; throws when what it found is wrong. */
  come(name: string): Promise<void>;
  /** Changes what a pod that stays shows in a volume. */
  change(i: number): Promise<void>;
  /** Whether that shows the last change. */
  isUpToDate(): boolean;
  /** Uids of pods that are gone and have a folder on the node. */
  leftovers(): string[];
}

const CORE = '/api/v1/namespaces/default';

/** `api` sends requests as an administrator. */
export async function volumePods(t: Test, kernel: TestKernel, api: Api, node: string): Promise<VolumePods> {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-volumes-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const image = await writeModule(folder, 'copier.wasm', COPIER);
  const home = join(kernel.dataDir, 'plugins/node/pods');
  const pods = watchPods(t, kernel);
  const shown = { value: '' };
  await api('POST', `${CORE}/configmaps`, { metadata: { name: 'shown' }, data: shown });
  await api('POST', `${CORE}/pods`, {
    metadata: { name: 'shows', labels: { app: 'shows' } },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': node },
      containers: [
        { name: 'it', image: 'orlop.dev/hello:1', volumeMounts: [{ name: 'v', mountPath: '/v' }] },
      ],
      volumes: [{ name: 'v', configMap: { name: 'shown' } }],
    },
  });
  await pods.until('shows', (pod) => pod?.status?.phase === 'Running');
  return {
    async come(name) {
      const text = { config: `config of ${name}\n`, secret: `secret of ${name}\n` };
      const data = { secret: Buffer.from(text.secret).toString('base64') };
      await api('POST', `${CORE}/configmaps`, { metadata: { name }, data: { config: text.config } });
      await api('POST', `${CORE}/secrets`, { metadata: { name }, data });
      const spec = specOf(name, image, node, join(folder, 'host'));
      await api('POST', `${CORE}/pods`, { metadata: { name }, spec });
      await pods.until(name, (pod) => ['Succeeded', 'Failed'].includes(pod?.status?.phase ?? ''));
      const log = await api('GET', `${CORE}/pods/${name}/log`);
      for (const each of ['pods', 'configmaps', 'secrets']) await api('DELETE', `${CORE}/${each}/${name}`);
      await pods.until(name, (pod) => pod === undefined);
      const expected = `${text.config}${text.secret}`;
      if (log !== expected.repeat(2)) throw new Error(`${name} found ${JSON.stringify(log)}`);
      const kept = readFileSync(join(folder, 'host', name, 'copy'), 'utf8');
      if (kept !== expected) throw new Error(`${name} left ${JSON.stringify(kept)}`);
    },
    async change(i) {
      shown.value = String(i);
      await api('PUT', `${CORE}/configmaps/shown`, { metadata: { name: 'shown' }, data: shown });
    },
    isUpToDate() {
      const { uid } = pods.get('shows')!.metadata!;
      return readFileSync(join(home, uid!, 'volumes/configMap/v/value'), 'utf8') === shown.value;
    },
    leftovers() {
      const there = new Set([...pods.all()].map(({ metadata }) => metadata?.uid));
      return readdirSync(home).filter((uid) => !there.has(uid));
    },
  };
}

interface Watched {
  get(name: string): Pod | undefined;
  all(): Iterable<Pod>;
  /** Throws when that is not so within 30 s. */
  until(name: string, done: (pod: Pod | undefined) => boolean): Promise<void>;
}

function watchPods(t: Test, { objects }: TestKernel): Watched {
  const pods = new Map<string, Pod>();
  const waiting = new Set<() => void>();
  const watch = objects.watch<Pod>(
    Pods,
    { initial: true },
    {
      event({ type, object }) {
        const { name } = object?.key ?? {};
        if (name === undefined) return;
        if (type === 'DELETED') pods.delete(name);
        else pods.set(name, object!.value);
        for (const look of waiting) look();
      },
      closed(error) {
        if (error) t.error(error);
      },
    },
  );
  t.teardown(() => watch.close());
  return {
    get: (name) => pods.get(name),
    all: () => pods.values(),
    until: (name, done) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`${name} waits: ${JSON.stringify(pods.get(name)?.status)}`));
        }, 30_000);
        const look = (): void => {
          if (!done(pods.get(name))) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

/** A projected volume, an emptyDir and, in a folder of its own, a hostPath. */
function specOf(name: string, image: string, node: string, path: string): Pod['spec'] {
  const sources = [{ configMap: { name } }, { secret: { name } }, { downwardAPI: downward }];
  return {
    restartPolicy: 'Never',
    runtimeClassName: 'wasm',
    nodeSelector: { 'kubernetes.io/hostname': node },
    containers: [
      {
        name: 'copier',
        image,
        env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
        volumeMounts: [
          { name: 'in', mountPath: '/in' },
          { name: 'scratch', mountPath: '/scratch' },
          { name: 'host', mountPath: '/host', subPathExpr: '$(POD)' },
        ],
      },
    ],
    volumes: [
      { name: 'in', projected: { sources } },
      { name: 'scratch', emptyDir: {} },
      { name: 'host', hostPath: { path, type: 'DirectoryOrCreate' } },
    ],
  } as Pod['spec'];
}

const downward = { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] };
