/** What ends in the middle of a swap: the whole process, and the server of NATS. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { skeletonFiles } from '../../plugins/cli/plugin/skeleton.ts';
import { testdir } from '../testdir.ts';
import { place, type Running, until, up } from './orlop.ts';

const STATUS = 'get plugin scheduler -o jsonpath={.status.phase},{.status.version}';

/** The process id of the nats-server that `orlop up` has started, or a descendant of it. */
function natsOf(parent: number): number | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').trim();
      const [, name = '', rest = ''] = /^\d+ \((.*)\) . (.*)$/.exec(stat) ?? [];
      if (Number(rest.split(' ')[0]) !== parent) continue;
      const found = name.startsWith('nats-server') ? Number(pid) : natsOf(Number(pid));
      if (found !== undefined) return found;
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined;
}

t.test(
  'a swap that is cut off ends as it was asked, by one of the two',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const at = await place(t);
    const folder = testdir(t);
    const go = join(folder, 'go');
    const module = join(folder, 'slow.mjs');
    const text = skeletonFiles('scheduler.v1', 'slow')['index.mjs']!;
    const wait = `async (ctx) => {
    const { existsSync } = await import('node:fs');
    while (!existsSync(${JSON.stringify(go)})) await new Promise((resolve) => setTimeout(resolve, 20));
    return loopInstance(() => run(ctx));
  }`;
    writeFileSync(
      module,
      text
        .replace("version: '0.1.0'", "version: '9.0.0'")
        .replace(
          'grants: {',
          "config: { type: 'object', properties: { turn: { type: 'integer' } } },\n  grants: {\n host: ['files'],",
        )
        .replace('(ctx) => loopInstance(() => run(ctx))', wait),
    );
    const ask = (turn: number): string =>
      JSON.stringify({
        apiVersion: 'orlop.dev/v1',
        kind: 'Plugin',
        metadata: { name: 'scheduler' },
        spec: { module, config: { turn } },
      });
    const swapping = async ({ kubectl }: Running, turn: number): Promise<void> => {
      await kubectl.ok('apply -f -', ask(turn));
      await until('it is being swapped', 30_000, async () =>
        (await kubectl.ok(STATUS)).startsWith('Swapping'),
      );
    };
    const settles = async ({ kubectl }: Running, pod: string): Promise<void> => {
      await until('the new one runs', 60_000, async () => (await kubectl(STATUS)).stdout === 'Running,9.0.0');
      await kubectl.ok(`run ${pod} --image=none --restart=Never`);
      await until('a pod is bound', 60_000, async () =>
        (await kubectl.ok(`get pod ${pod} -o jsonpath={.spec.nodeName}`)).includes('node-1'),
      );
    };

    const first = await up(t, at, '--no-hello');
    // A Secret that only another plugin can read, which the next start must bring back before whatever reads Secrets.
    const encoding = join(folder, 'encoding.mjs');
    writeFileSync(encoding, skeletonFiles('secrets.v1', 'another')['index.mjs']!);
    await first.kubectl.ok([
      'patch',
      'plugin',
      'secrets-aesgcm',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { module: encoding } }),
    ]);
    await first.kubectl.ok('wait plugin/secrets-aesgcm --for=jsonpath={.status.version}=0.1.0 --timeout=60s');
    await first.kubectl.ok('create secret generic kept --from-literal=a=b');
    await swapping(first, 1);
    await first.kill9();
    writeFileSync(go, '');
    const again = await up(t, at, '--no-hello');
    await settles(again, 'after-kill');
    t.equal(await again.kubectl.ok('get secret kept -o jsonpath={.data.a}'), 'Yg==');

    rmSync(go);
    await swapping(again, 2);
    process.kill(natsOf(again.child.pid!)!, 'SIGKILL');
    writeFileSync(go, '');
    await settles(again, 'after-outage');
    const { stdout } = await again.kubectl(
      'get plugins -o jsonpath={range.items[*]}{.metadata.name}={.status.phase},{end}',
    );
    t.notMatch(stdout, /=(?!Running|Skipped)/, stdout);
    const kept = await again.kubectl.ok('get plugin scheduler -o jsonpath={.status.instances[0].refused}');
    t.equal(kept, '', 'nothing was refused');

    rmSync(go);
    await swapping(again, 3);
    t.equal(await again.stop(), 0, 'what does not end does not hold the process');
  },
);
