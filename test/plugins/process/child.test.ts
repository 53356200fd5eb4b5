/** A plugin in a child process: what it may ask of the host, and what the host stands from it. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ConfigMaps, type Json } from 'orlop/plugin';
import t, { type Test } from 'tap';
import { lineLogger } from '../../../kernel/log.ts';
import { Pace } from '../../../plugins/process/pace.ts';
import { eventually, type TestKernel, type TestKernelOptions, testKernel } from '../../cluster.ts';
import { memory } from '../../kernel/cycles.ts';
import { testdir } from '../../testdir.ts';

/** Python is not compiled: it lies in the source tree. */
const child = fileURLToPath(new URL('../../../../test/plugins/process/child.py', import.meta.url));

function manifest(t: Test, changes: object = {}): string {
  const plugin = {
    name: 'child',
    kind: 'child.v1',
    version: '1.0.0',
    description: 'Does as it is told.',
    config: { type: 'object', properties: { mode: { type: 'string', default: 'listen' } } },
    grants: {
      objects: [{ resource: 'configmaps', verbs: '*' }],
      publish: ['child.did', 'child.ask'],
      subscribe: ['child.do', 'child.news'],
    },
    command: ['python3', child],
    ...changes,
  };
  return `${testdir(t, { 'plugin.json': JSON.stringify(plugin) })}/plugin.json`;
}

const timing = { health: 500, restart: 20 };

async function started(t: Test, changes: object = {}, o: TestKernelOptions = {}): Promise<TestKernel> {
  return await testKernel(t, { plugins: [{ module: manifest(t, changes) }], timing, ...o });
}

interface Answer {
  result?: Json & Record<string, Json>;
  error?: { message: string; data?: { reason: string } };
}

/** Has the child call the host, and returns what it was answered. */
function ask(kernel: TestKernel, method: string, params: object): Promise<Answer> {
  return tell(kernel, { what: 'call', method, params }) as unknown as Promise<Answer>;
}

function tell(kernel: TestKernel, work: object): Promise<Json> {
  return new Promise((resolve) => {
    const subscription = kernel.bus.subscribe('child.did', (data) => {
      subscription.close();
      resolve(data);
    });
    kernel.bus.publish('child.do', work as Json);
  });
}

const status = (kernel: TestKernel) => kernel.plugins()[0]!;

t.test('it asks the host', async (t) => {
  const kernel = await started(t);
  t.match(status(kernel), { phase: 'Running', isolation: 'process', healthy: true, kind: 'child.v1' });
  const object = { metadata: { namespace: 'default', name: 'a' }, data: { one: '1' } };
  const key = { resource: 'configmaps', namespace: 'default', name: 'a' };
  const { revision } = (await kernel.objects.list(ConfigMaps)) as { revision: number };
  const watch = await ask(kernel, 'objects.watch', { id: 7, resource: 'configmaps', since: revision });
  t.same(watch.result, null);
  const again = await ask(kernel, 'objects.watch', { id: 7, resource: 'configmaps', since: revision });
  t.match(again.error, { data: { reason: 'AlreadyExists' } });
  const created = await ask(kernel, 'objects.create', { resource: 'configmaps', object });
  t.match(created.result, { metadata: { name: 'a', resourceVersion: String }, data: { one: '1' } });
  const updated = { ...(created.result as object), data: { two: '2' } };
  t.match(await ask(kernel, 'objects.update', { resource: 'configmaps', object: updated }), {
    result: { data: { two: '2' } },
  });
  t.match((await ask(kernel, 'objects.update', { resource: 'configmaps', object: updated })).error, {
    data: { reason: 'Conflict' },
  });
  t.match(await ask(kernel, 'objects.get', key), { result: { data: { two: '2' } } });
  await kernel.objects.create(ConfigMaps, {
    metadata: { namespace: 'default', name: 'b', labels: { l: 'x' } },
  });
  const page = (await ask(kernel, 'objects.list', { resource: 'configmaps', limit: 1 })).result!;
  t.match(page, { items: [{ metadata: { name: 'a' } }], continue: String });
  const rest = await ask(kernel, 'objects.list', { resource: 'configmaps', continue: page['continue'] });
  t.match(rest.result, { items: [{ metadata: { name: 'b' } }] });
  const matching = await ask(kernel, 'objects.list', { resource: 'configmaps', matchLabels: { l: 'x' } });
  t.equal((matching.result!['items'] as Json[]).length, 1);
  await ask(kernel, 'objects.delete', key);
  t.same((await ask(kernel, 'objects.get', key)).result, null);
  const { events } = (await tell(kernel, { what: 'state' })) as { events: { id: number; type: string }[] };
  t.same(
    events.map(({ id, type }) => `${id} ${type}`),
    ['7 ADDED', '7 MODIFIED', '7 ADDED', '7 DELETED'],
  );
  await ask(kernel, 'objects.unwatch', { id: 7 });

  kernel.bus.serve('child.ask', (data) => ({ asked: data }));
  t.same((await ask(kernel, 'bus.request', { subject: 'child.ask', data: 1 })).result, { asked: 1 });
  await ask(kernel, 'bus.subscribe', { id: 8, subject: 'child.news' });
  kernel.bus.publish('child.news', 'first');
  await eventually('it hears', async () => {
    const { messages } = (await tell(kernel, { what: 'state' })) as { messages: Json[] };
    t.same(messages[0] ?? null, messages[0] ? { id: 8, subject: 'child.news', data: 'first' } : null);
    return messages.length > 0;
  });
  t.same((await ask(kernel, 'log', { level: 'info', message: 'hello', fields: { a: 1 } })).result, null);
});

t.test('blobs come and go in pieces', async (t) => {
  const grants = { blobs: ['read', 'write'], publish: ['child.did'], subscribe: ['child.do'] };
  const kernel = await started(t, { grants });
  const bytes = randomBytes(700_000);
  const digest = `sha256-${createHash('sha256').update(bytes).digest('hex')}`;
  const put = (id: number, from: number, to: number, last?: boolean) =>
    ask(kernel, 'blobs.put', { id, data: bytes.subarray(from, to).toString('base64'), last });
  t.same((await put(1, 0, 400_000)).result, null);
  t.same((await put(2, 0, 10)).result, null, 'another at the same time');
  t.match((await put(1, 400_000, 700_000, true)).result, { digest, size: 700_000, modified: String });
  t.match((await ask(kernel, 'blobs.stat', { digest })).result, { digest, size: 700_000 });
  const pieces: Buffer[] = [];
  for (;;) {
    const { result } = await ask(kernel, 'blobs.get', { id: 1, digest });
    if (!result) break;
    pieces.push(Buffer.from(result['data'] as string, 'base64'));
  }
  t.ok(pieces.length > 1);
  t.ok(Buffer.concat(pieces).equals(bytes));
  t.same((await ask(kernel, 'blobs.close', { id: 2 })).result, null, 'given up');
  t.equal((await kernel.blobs.list()).length, 1, 'nothing is left of it');
  t.match((await put(3, 0, 10, true)).result, { size: 10 });
  t.same((await ask(kernel, 'blobs.stat', { digest: digest.replace(/.$/, 'x') })).error?.data, {
    reason: 'BadRequest',
    details: {},
  });
  const none = `sha256-${'0'.repeat(64)}`;
  t.same((await ask(kernel, 'blobs.stat', { digest: none })).result, null);
  t.match((await ask(kernel, 'blobs.get', { id: 4, digest: none })).error?.data, { reason: 'NotFound' });
  t.match((await ask(kernel, 'blobs.put', { id: 4, data: 'a-b' })).error?.message, /must be base64/);
  await ask(kernel, 'blobs.get', { id: 5, digest });
  t.match((await put(5, 0, 10)).error, { message: /id 5 is of another blob that is under way/ });
  await put(6, 0, 10);
  await kernel.swap('child', { module: manifest(t, { grants: { ...grants, blobs: ['read'] } }) });
  t.equal((await kernel.blobs.list()).length, 2, 'a put ends with the instance, and is not stored');
  t.match((await put(7, 0, 10, true)).error?.message, /may not write blobs: add 'write' to its grants.blobs/);
});

t.test('its grants hold, and nonsense is refused by an error that says what', async (t) => {
  const kernel = await started(t);
  const refusals: [method: string, params: object, message: RegExp][] = [
    ['objects.list', { resource: 'secrets' }, /plugin "child" revision 1 may not list secrets/],
    ['objects.watch', { id: 9, resource: 'pods', since: 0 }, /may not watch pods: add the verb 'watch'/],
    ['bus.publish', { subject: 'other.subject' }, /may not publish to "other.subject"/],
    ['bus.request', { subject: '$JS.API.STREAM.LIST' }, /may not publish/],
    ['bus.subscribe', { id: 9, subject: '>' }, /may not subscribe to ">"/],
    ['objects.get', { resource: 'confusions', name: 'a' }, /"confusions" is no resource: give e.g. "pods"/],
    ['objects.get', { resource: 'configmaps' }, /params.name is missing: a string/],
    ['objects.create', { resource: 'configmaps', object: 'a' }, /params.object must be an object of the API/],
    ['objects.watch', { id: 9, resource: 'configmaps' }, /params.since is missing: a number/],
    ['blobs.stat', { digest: 'a' }, /may not read blobs: add 'read' to its grants.blobs/],
    ['blobs.get', { id: 1, digest: 'a' }, /may not read blobs/],
    ['blobs.put', { id: 1, data: '', last: true }, /may not write blobs/],
    ['objects.burn', {}, /the host has no method "objects.burn"; see plugins\/process\/PROTOCOL.md/],
  ];
  for (const [method, params, message] of refusals)
    t.match((await ask(kernel, method, params)).error?.message, message, method);
  t.equal(status(kernel).revision, 1, 'it goes on');
});

t.test('what it leaves to its successor', async (t) => {
  const kernel = await started(t);
  const { pid } = (await tell(kernel, { what: 'state' })) as { pid: number };
  await kernel.swap('child', { module: manifest(t, { version: '1.1.0' }) });
  const state = (await tell(kernel, { what: 'state' })) as { pid: number; greeting: object };
  t.match(state.greeting, {
    protocol: 1,
    plugin: { name: 'child', revision: 2 },
    config: { mode: 'listen' },
    inherited: { schema: 1, state: { pid } },
  });
  t.not(state.pid, pid);
  t.notOk(existsSync(`/proc/${pid}`), 'the old process has ended');
  t.match(status(kernel), { version: '1.1.0', revision: 2, healthy: true });
  const { pid: last } = state;
  await kernel.stop();
  t.notOk(existsSync(`/proc/${last}`), 'as the last one has with the kernel');
});

t.test('one that hangs or is killed can be replaced', async (t) => {
  const kernel = await started(t, { timeoutSeconds: 1 }, { timing: { ...timing, health: 20_000 } });
  const { pid } = (await tell(kernel, { what: 'state' })) as { pid: number };
  process.kill(pid, 'SIGSTOP');
  await kernel.swap('child', { module: manifest(t, { version: '2.0.0' }) });
  const state = (await tell(kernel, { what: 'state' })) as { pid: number; greeting: object };
  t.match(state.greeting, { plugin: { revision: 2 }, inherited: null });
  t.notOk(existsSync(`/proc/${pid}`));
  process.kill(state.pid, 'SIGKILL');
  await kernel.swap('child', { module: manifest(t, { version: '3.0.0' }) });
  t.match(status(kernel), { version: '3.0.0', phase: 'Running', healthy: true });
});

t.test('one that does not start', async (t) => {
  const cases: [mode: string, message: RegExp][] = [
    ['garbage', /sent a line that is not JSON: "Hello, world!"; standard output is for the protocol/],
    ['exit', /its process ended: exit code 1; it said last: KeyError: 'no such setting'/],
    ['old', /initialize must answer \{ "protocol": 1 \}, not \{"protocol":0\}/],
    ['long', /sent a line of more than 16777216 bytes/],
    ['stranger', /sent an answer to request 4711, which there was not/],
    ['hang', /took longer than \d+ ms/],
  ];
  const kernel = await started(t, {}, { timing: { ...timing, swap: 4_000 } });
  for (const [mode, message] of cases) {
    await t.rejects(kernel.swap('child', { module: manifest(t), config: { mode } }), { message }, mode);
    t.match(status(kernel), { phase: 'Running', healthy: true }, 'the one before goes on');
  }
  await t.rejects(kernel.swap('child', { module: manifest(t, { command: ['no-such-program'] }) }), {
    message:
      /plugin "child" revision \d+: cannot run "no-such-program": .*ENOENT; install it, or name another/,
  });
  await t.rejects(kernel.swap('child', { module: manifest(t), config: { mode: 'skip' } }), {
    message: /skipped: nothing to do here/,
  });
  t.ok((await tell(kernel, { what: 'state' })) as object, 'it works');
});

t.test('one that ends, hangs or babbles is started anew', async (t) => {
  const kernel = await started(t);
  const trouble: [work: object, message: RegExp][] = [
    [{ what: 'raise' }, /its process ended: exit code 1; it said last: RuntimeError: told to fail/],
    [{ what: 'print', text: 'Hello!' }, /sent a line that is not JSON: "Hello!"/],
    [{ what: 'print', text: '[1]' }, /sent a message that is no JSON-RPC object/],
    [{ what: 'print', text: '{"id":1}' }, /must have either a result or an error/],
    [{ what: 'close' }, /closed its standard output/],
    [{ what: 'health', answer: 'fine' }, /revision \d+: health answered nonsense: "fine"/],
    [{ what: 'sleep', seconds: 3_600 }, /health check took longer than 500 ms/],
  ];
  for (const [work, message] of trouble) {
    const { revision } = status(kernel);
    const messages: (string | undefined)[] = [];
    kernel.bus.publish('child.do', work as Json);
    await eventually('it is started again', () => {
      messages.push(status(kernel).message);
      return status(kernel).phase === 'Running' && status(kernel).revision > revision;
    });
    t.match(messages.filter(Boolean).join('\n'), message);
    t.ok(await tell(kernel, { what: 'state' }));
  }
});

t.test('one that takes more memory than its limit, or whose own processes do', async (t) => {
  const kernel = await started(t, { memory: '64Mi' });
  const takes = async (bytes: number): Promise<string> => {
    const { revision } = status(kernel);
    kernel.bus.publish('child.do', { what: 'take', bytes });
    await eventually('it is started again', () => status(kernel).revision > revision);
    await eventually('it runs', () => status(kernel).phase === 'Running');
    return status(kernel).lastError ?? '';
  };
  t.match(await takes(100 << 20), /plugin "child" revision 1: out of memory: its limit is 64Mi/);
  await kernel.swap('child', { module: manifest(t, { memory: '64Mi' }), memory: '256Mi' });
  kernel.bus.publish('child.do', { what: 'take', bytes: 100 << 20 });
  const { revision } = status(kernel);
  t.match(
    await takes(200 << 20),
    /revision 3: out of memory: its limit is 256Mi/,
    'a limit of the entry wins',
  );
  t.equal(status(kernel).revision, revision + 1);
  await t.rejects(
    kernel.swap('child', { module: manifest(t, { memory: '1Mi' }) }),
    /memory must be a quantity/,
  );
  await t.rejects(
    kernel.swap('child', { module: manifest(t, { command: undefined, remote: 'a' }), memory: '64Mi' }),
    { reason: 'Invalid', message: /cannot be limited to 64Mi of memory: it runs elsewhere/ },
  );
});

t.test('one that does not read cannot fill the memory', async (t) => {
  const kernel = await started(t, {}, { timing: { ...timing, health: 20_000 } });
  const { revision } = await kernel.objects.list(ConfigMaps);
  await ask(kernel, 'objects.watch', { id: 1_000, resource: 'configmaps', since: revision });
  const big = 'x'.repeat(500_000);
  await kernel.objects.create(ConfigMaps, { metadata: { namespace: 'default', name: 'big' }, data: { big } });
  const flood = tell(kernel, { what: 'flood', count: 300, seconds: 1 });
  const before = await memory(kernel);
  for (let index = 0; index < 40; index++) {
    await kernel.objects.modify(ConfigMaps, { namespace: 'default', name: 'big' }, (draft) => {
      draft.data!['n'] = String(index);
    });
  }
  // Without what can be collected: the system's figure has garbage in it.
  const grown = (await memory(kernel)).all - before.all;
  t.ok(grown < 100 << 20, `150 MB of answers and 20 MB of events were not kept: ${grown >> 20} MiB`);
  const { closed, failed } = (await flood) as { closed: object[]; failed: string[] };
  t.same(failed, [], 'each was answered in the end');
  t.match(closed, [{ id: 1_000, error: { data: { reason: 'Expired' }, message: /list again/ } }]);
  t.equal(status(kernel).revision, 1, 'it goes on');
});

t.test('one that writes to its log without end is held up', async (t) => {
  const pace = new Pace(10, 100);
  t.same(
    [pace.wait(100, 0), pace.wait(5, 0), pace.wait(0, 500), pace.wait(20, 1_500), pace.wait(100, 60_000)],
    [0, 500, 0, 1_000, 0],
  );
  const said = { babble: 0, heldUp: 0 };
  const log = lineLogger((line) => {
    if (line.includes('all work and no play')) said.babble += 1;
    if (line.includes('child: is held up: it writes over 200 lines a second')) said.heldUp += 1;
  });
  const kernel = await started(t, {}, { log, timing });
  kernel.bus.publish('child.do', { what: 'babble' });
  await eventually('it is held up', () => said.heldUp > 0);
  const { pid } = (await tell(kernel, { what: 'state' })) as { pid: number };
  process.kill(pid, 'SIGKILL');
  await eventually(
    'it is started again',
    () => status(kernel).phase === 'Running' && status(kernel).revision > 1,
  );
  t.match(status(kernel).lastError, /its process ended: SIGKILL; it said last: all work and no play/);
  t.ok(said.babble < 50_000, `${said.babble} lines`);
  t.equal(said.heldUp, 1, 'which is said once');
});

t.test('a manifest that is wrong', async (t) => {
  const kernel = await started(t);
  const rule = { operations: ['CREATE'], apiGroups: [''], resources: ['configmaps'] };
  const cases: [changes: object, message: RegExp][] = [
    [{ command: undefined }, /must have one of command, component and remote/],
    [{ command: 'python3' }, /command must be an object; command must be a list of strings/],
    [{ comand: [] }, /unknown key comand; there are name, kind/],
    [{ grants: { objects: [{ resource: 'podz', verbs: ['get'] }] } }, /"podz" is no resource/],
    [{ grants: { objects: [{ resource: 'pods', verbs: ['eat'] }] } }, /verbs must be "\*" or some of get/],
    [{ grants: { blobs: ['eat'] } }, /grants.blobs must be a list of some of read, write/],
    [{ grants: { impersonate: true } }, /unknown key grants.impersonate; there are objects/],
    [{ kind: 'loadbalancer.v1' }, /kind loadbalancer.v1 cannot run in another process: pick\(\) is called/],
    [{ kind: 'secrets.v1' }, /encode\(\) and decode\(\) are called by the store and answer synchronously/],
    [{ kind: 'tokens.v1' }, /its issuer and audiences are read synchronously/],
    [{ kind: 'write-admission.v1' }, /concerns\(\) is called before each write and answers synchronously/],
    [{ kind: 'modules.v1' }, /what it unpacks must import the very copy of Orlop that runs/],
    [{ kind: 'admission.v1' }, /rules must be a list, of one at least/],
    [
      { kind: 'admission.v1', rules: [{ ...rule, scope: 'Pod' }] },
      /rules\[0\]: scope must be one of Cluster/,
    ],
    [
      { kind: 'admission.v1', rules: [rule, { ...rule, operations: ['create'] }] },
      /rules\[1\]: operations must/,
    ],
    [{ kind: 'admission.v1', rules: [{ ...rule, apiGroups: [] }] }, /apiGroups must be a list of strings/],
    [
      { kind: 'admission.v1', rules: [{ ...rule, namespace: 'a' }] },
      /unknown key namespace; there are operations/,
    ],
    [{ rules: [rule] }, /rules is for plugins of kind admission.v1/],
    [{ authorizedTTLSeconds: 5 }, /authorizedTTLSeconds is for plugins of kind authorizer.v1/],
    [{ kind: 'authorizer.v1', authorizedTTLSeconds: -1 }, /authorizedTTLSeconds must not be negative/],
    [{ name: 'Not A Name' }, /must be a lower-case DNS label/],
  ];
  for (const [changes, message] of cases)
    await t.rejects(kernel.swap('child', { module: manifest(t, changes) }), { reason: 'Invalid', message });
  const yaml = testdir(t, {
    'plugin.yaml': `name: child\nkind: child.v1\nversion: 2.0.0\ndescription: In YAML.\ncommand: [python3, ${child}]\nconfig: {type: object, properties: {mode: {type: string}}}`,
  });
  await kernel.swap('child', { module: `${yaml}/plugin.yaml` });
  t.match(status(kernel), { version: '2.0.0', phase: 'Running' });
});
