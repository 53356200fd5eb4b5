/** The options of kubectl logs, with a Docker engine and a WebAssembly command. */
import t from 'tap';
import { ensureImages } from '../images.ts';
import { commandImage } from '../runtimes/wasm-guests.ts';
import { testdir } from '../testdir.ts';
import { place, type Running, until, up } from './orlop.ts';

const IMAGE = 'busybox:1.36';

let cluster: Running;
t.before(async () => {
  await ensureImages(IMAGE);
  cluster = await up(t, await place(t), '--no-hello');
  const sh = (name: string, script: string) => ({ name, image: IMAGE, command: ['sh', '-c', script] });
  await run('talk', {
    initContainers: [sh('init', 'echo from init')],
    containers: [
      sh('one', 'echo one; sleep 1.1; echo two; echo three; sleep 100000'),
      sh('two', 'echo out; sleep 0.1; echo err >&2; sleep 100000'),
    ],
  });
  await run('crash', { containers: [sh('main', 'echo attempt; exit 1')] });
  const wasm = { name: 'main', image: await commandImage(testdir(t)), args: ['print'] };
  await run('wasm', { restartPolicy: 'Never', containers: [wasm] });
  await until('all is said', 60_000, async () =>
    (await cluster.kubectl('logs talk -c one')).stdout.includes('three'),
  );
  await cluster.kubectl.ok('wait pod/wasm --for=jsonpath={.status.phase}=Succeeded --timeout=60s');
});

t.test('kubectl logs', async (t) => {
  t.equal(await logs('talk -c one'), 'one\ntwo\nthree\n');
  t.equal(await logs('talk -c init'), 'from init\n');
  t.equal(await logs('talk -c one --tail=1'), 'three\n');
  t.equal(await logs('talk -c one --tail=0'), '');
  t.equal(await logs('talk -c one --limit-bytes=5'), 'one\nt');
  t.equal(await logs('talk -c one --since=1h'), 'one\ntwo\nthree\n');
  const lines = (await logs('talk -c one --timestamps')).split('\n');
  const [time, word] = lines[1]!.split(' ');
  t.equal(word, 'two');
  t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
  t.equal(await logs(`talk -c one --since-time=${time}`), 'two\nthree\n');
  t.same((await logs('talk --all-containers --prefix')).trim().split('\n').sort(), [
    '[pod/talk/init] from init',
    '[pod/talk/one] one',
    '[pod/talk/one] three',
    '[pod/talk/one] two',
    '[pod/talk/two] err',
    '[pod/talk/two] out',
  ]);
  t.equal(await logs('-l app=talk -c one --tail=1'), 'three\n');
  t.equal(await logs('wasm --tail=2'), 'two\nthree\n');
  t.equal(await logs('wasm --limit-bytes=6'), 'one\ntw');
});

t.test('of the run before', async (t) => {
  await until('a restart', 60_000, async () => (await cluster.kubectl('logs crash --previous')).code === 0);
  t.equal(await logs('crash --previous'), 'attempt\n');
  t.match(await cluster.kubectl('logs talk -c one --previous'), {
    code: 1,
    stderr: /previous terminated container "one" in pod "talk" not found/,
  });
});

t.test('one stream, and what may not be asked for', async (t) => {
  const { kubectl } = cluster;
  const raw = (options: string) =>
    kubectl(['get', '--raw', `/api/v1/namespaces/default/pods/talk/log?container=two&${options}`]);
  t.equal((await raw('stream=Stderr')).stdout, 'err\n');
  t.equal((await raw('stream=Stdout')).stdout, 'out\n');
  const refused = async (options: string, message: RegExp) =>
    t.match(await raw(options), { code: 1, stderr: message }, options);
  await refused(
    'limitBytes=0',
    /PodLogOptions "talk" is invalid: limitBytes: Invalid value: 0: must be greater than 0/,
  );
  await refused('tailLines=-1', /tailLines: Invalid value: -1: must be greater than or equal to 0/);
  await refused('sinceSeconds=0', /sinceSeconds: Invalid value: 0: must be greater than 0/);
  await refused(
    'sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z',
    /at most one of `sinceTime` or `sinceSeconds`/,
  );
  await refused(
    'stream=Both',
    /stream: Unsupported value: "Both": supported values: "All", "Stderr", "Stdout"/,
  );
  await refused('stream=Stdout&tailLines=1', /mutually exclusive/);
  await refused('tailLines=many', /tailLines/);
});

function logs(args: string): Promise<string> {
  return cluster.kubectl.ok(`logs ${args}`);
}

async function run(name: string, more: object): Promise<void> {
  const spec = { terminationGracePeriodSeconds: 0, ...more };
  const metadata = { name, labels: { app: name } };
  await cluster.kubectl.ok('create -f -', JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec }));
}
