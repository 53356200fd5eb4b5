/** What Events tell of plugins: the transitions, and a kernel's as they are written. */
import { Events, type PluginInstance, type PluginObject, Plugins } from 'orlop/plugin';
import t from 'tap';
import pluginevents from '../../../plugins/controllers/pluginevents/index.ts';
import { SpamFilter } from '../../../plugins/controllers/pluginevents/spamfilter.ts';
import { type Seen, transitions } from '../../../plugins/controllers/pluginevents/transitions.ts';
import { eventually, type TestKernel, testKernel } from '../../cluster.ts';

const running: Seen = { node: 'a', phase: 'Running', revision: 1, version: '1', healthy: true };
const failed: Seen = { ...running, phase: 'Failed', healthy: false, lastError: 'boom' };
const looping: Seen = {
  node: 'a',
  phase: 'Failed',
  healthy: false,
  reason: 'CrashLoopBackOff',
  refused: 'back-off 10s until then',
  lastError: 'ended the process: boom',
  restarts: 3,
};
const refused: Seen = { node: 'a', phase: 'Failed', healthy: false, refused: 'no such file' };

const CASES: readonly [what: string, before: Seen | undefined, now: Seen | undefined, told: string[]][] = [
  ['it starts', { ...running, phase: 'Starting' }, running, ['Started']],
  ['it is found running', undefined, running, ['Started']],
  ['nothing changes', running, { ...running, message: 'fine' }, []],
  ['a swap is under way', running, { ...running, phase: 'Swapping' }, []],
  ['it is swapped', { ...running, phase: 'Swapping' }, { ...running, revision: 2 }, ['Swapped']],
  ['a swap is refused', running, { ...running, refused: 'no' }, ['Refused']],
  ['it is still refused', { ...running, refused: 'no' }, { ...running, refused: 'no' }, []],
  ['there is nothing to load', undefined, refused, ['Refused']],
  ['it fails', running, failed, ['Failed', 'BackOff']],
  ['it waits to be started again', failed, { ...failed, message: 'in 2 s' }, []],
  ['it is started again', failed, { ...running, restarts: 1, lastError: 'boom' }, ['Started']],
  [
    'it has been started again meanwhile',
    running,
    { ...running, restarts: 1, lastError: 'boom' },
    ['Failed', 'Started'],
  ],
  ['it is unwell', running, { ...running, healthy: false, message: 'ill' }, ['Unhealthy']],
  [
    'it is unwell in another way',
    { ...running, healthy: false },
    { ...running, healthy: false, message: 'worse' },
    [],
  ],
  [
    'it ended the process',
    { ...running, phase: 'Stopped' },
    { ...running, restarts: 1, lastError: 'boom' },
    ['Failed', 'Started'],
  ],
  [
    'it did so again and again',
    { ...running, phase: 'Stopped', restarts: 2 },
    looping,
    ['Failed', 'BackOff'],
  ],
  ['and once more', looping, { ...looping, restarts: 4, refused: 'back-off 20s' }, ['Failed', 'BackOff']],
  ['it is left out', looping, { ...looping, refused: 'as of now' }, []],
  ['it is found left out', undefined, looping, ['Failed', 'BackOff']],
  [
    'another one found it to end the process, and the standard one runs',
    running,
    { ...running, ...looping, phase: 'Running', healthy: true },
    ['Failed', 'BackOff', 'Started'],
  ],
  [
    'it is not for this machine',
    { ...running, phase: 'Starting' },
    { ...running, phase: 'Skipped' },
    ['Skipped'],
  ],
  ['it is deleted', running, undefined, ['Killing']],
  ['it is stopped', running, { ...running, phase: 'Stopped' }, ['Killing']],
  ['what another goes on for is deleted', { ...running, refused: 'no' }, undefined, []],
  ['what never ran is deleted', refused, undefined, []],
];

for (const [what, before, now, told] of CASES) {
  t.test(what, async (t) => {
    const events = transitions({ before, now, isOwn: false });
    t.same(
      events.map(({ reason }) => reason),
      told,
    );
    for (const { message } of events) t.notMatch(message, /undefined|until then|back-off \d/);
  });
}

t.test('a kernel’s own plugins start and stop with it', async (t) => {
  const told = (before: Seen | undefined, now: Seen | undefined): string[] =>
    transitions({ before, now, isOwn: true }).map(({ reason }) => reason);
  t.same(told(undefined, running), []);
  t.same(told(running, { ...running, phase: 'Stopped' }), []);
  t.same(told(running, undefined), []);
  t.same(told(running, { ...running, revision: 2 }), ['Swapped']);
  t.same(told(running, failed), ['Failed', 'BackOff']);
  t.same(told(failed, running), ['Started']);
});

t.test('no object fills the cluster with Events', async (t) => {
  const filter = new SpamFilter();
  const allowed = (uid: string, now: number): number =>
    Array.from({ length: 100 }, () => filter.allows(uid, now)).filter(Boolean).length;
  t.equal(allowed('a', 0), 25);
  t.equal(allowed('b', 0), 25, 'each has its own');
  t.equal(allowed('a', 299_000), 0);
  t.equal(allowed('a', 300_000), 1);
  t.equal(allowed('a', 10 ** 9), 25);
});

/** A data: URL of a module that declares plugin `told`. */
function module(version: string, body: string): string {
  const head = `name: 'told', kind: 'told.v1', version: '${version}', description: 'Is told of.'`;
  return `data:text/javascript,${encodeURIComponent(`export default { ${head}, start(ctx) { ${body} } };`)}`;
}

async function toldOf(kernel: TestKernel): Promise<string[]> {
  const { items } = await kernel.objects.list(Events, { namespace: 'default' });
  return items.flatMap(({ value }) =>
    value.involvedObject.name === 'told'
      ? [`${value.type} ${value.reason} ${value.count}: ${value.message}`]
      : [],
  );
}

t.test('a plugin’s story', async (t) => {
  const kernel = await testKernel(t, {
    plugins: [pluginevents],
    node: 'a',
    timing: { health: 50, restart: 200 },
  });
  const create = (spec: PluginObject['spec']) =>
    kernel.objects.create(Plugins, { metadata: { name: 'told' }, spec });
  const swap = (spec: PluginObject['spec']) =>
    kernel.objects.modify(Plugins, { name: 'told' }, (draft) => void Object.assign(draft, { spec }));
  const tells = (text: RegExp) =>
    eventually(String(text), async () => (await toldOf(kernel)).find((each) => text.test(each)));

  await create({ module: module('1', 'return {};') });
  await tells(/^Normal Started 1: Started plugin revision 1 \(version 1\) on node a$/);
  await swap({ module: module('2', 'return {};') });
  await tells(/^Normal Swapped 1: Swapped revision 1 \(version 1\) for revision 2 \(version 2\) on node a$/);
  await swap({ module: module('3', "throw new Error('no luck');") });
  await tells(/^Warning Refused 1: plugin "told" was not swapped, revision 2 goes on: .*no luck/);
  await swap({
    module: module('4', "let n = 0; return { health: () => ({ healthy: n++ < 1, message: 'ill' }) };"),
  });
  await tells(/^Warning Unhealthy \d+: Health check failed: ill$/);
  await tells(/^Warning Failed \d+: ill$/);
  await tells(
    /^Warning BackOff \d+: Back-off restarting failed plugin revision \d+ \(version 4\) on node a$/,
  );
  await tells(/^Normal Started [1-9]: Started plugin revision [4-9] \(version 4\) on node a$/);
  await swap({ module: module('5', 'return {};') });
  await tells(/for revision \d+ \(version 5\)/);

  const { uid } = (await kernel.objects.get(Plugins, { name: 'told' }))!.value.metadata!;
  await kernel.objects.delete(Plugins, { name: 'told' });
  await tells(/^Normal Killing 1: Stopping plugin revision \d+ \(version 5\) on node a$/);
  const { items } = await kernel.objects.list(Events, { namespace: 'default' });
  const regarding = { apiVersion: 'orlop.dev/v1', kind: 'Plugin', name: 'told', uid };
  for (const { value } of items)
    t.match(value, { involvedObject: regarding, source: { component: 'plugin-host', host: 'a' } });
});

t.test('who takes over counts nothing again', async (t) => {
  const kernel = await testKernel(t, { plugins: [pluginevents] });
  const instance: PluginInstance = { kernel: kernel.id, phase: 'Running' };
  await kernel.objects.create(Plugins, {
    metadata: { name: 'told' },
    spec: { module: module('1', 'return {};') },
  });
  await eventually('it has started', async () => (await toldOf(kernel)).length === 1);
  const again = await kernel.restart();
  const status = async () =>
    (await again.objects.get(Plugins, { name: 'told' }))?.value.status?.instances?.[0];
  await eventually('it runs again', async () => (await status())?.phase === instance.phase);
  await again.swap('plugin-events', pluginevents);
  await again.objects.modify(
    Plugins,
    { name: 'told' },
    (draft) => void Object.assign(draft.spec, { config: {} }),
  );
  const told = await eventually('and is swapped', async () => {
    const all = await toldOf(again);
    return all.some((each) => each.includes('Swapped')) ? all : undefined;
  });
  t.match(
    told.filter((each) => each.includes('Started')),
    [/Started [12]:/],
    'a start is counted once',
  );
  t.equal(told.length, told.filter((each) => /Started|Swapped|Killing/.test(each)).length, String(told));
});
