/** A plugin that runs elsewhere and speaks the protocol over NATS, as any NATS client can. */
import { connect, type NatsConnection } from 'nats';
import { ConfigMaps, type Json, Nodes, type PluginPhase, Pods } from 'orlop/plugin';
import t, { type Test } from 'tap';
import scheduler from '../../../plugins/scheduler/index.ts';
import { eventually, type TestKernel, testKernel } from '../../cluster.ts';
import { testdir } from '../../testdir.ts';

const SUBJECT = 'example.favours';

function manifest(t: Test, version = '1.0.0'): string {
  const plugin = {
    name: 'favours',
    kind: 'scheduler-scoring.v1',
    version,
    description: 'Favours a node from afar.',
    config: { type: 'object', properties: { node: { type: 'string', default: 'b' } } },
    grants: { objects: [{ resource: 'configmaps', verbs: ['list', 'watch', 'create'] }] },
    remote: SUBJECT,
    timeoutSeconds: 2,
  };
  return `${testdir(t, { 'plugin.json': JSON.stringify(plugin) })}/plugin.json`;
}

interface Message {
  id?: number;
  method: string;
  params: Record<string, Json> & { config?: { node: string }; nodes?: Table; pods?: Json[] };
}
interface Table {
  sequence: number;
  size: number;
  nodes: { row: number[]; name: string[] };
}

/** The program: by session what it knows. */
class Favours {
  readonly sessions = new Map<string, { node: string; names: string[]; sequence: number }>();
  readonly heard: string[] = [];
  readonly events: Json[] = [];
  readonly #connection: NatsConnection;
  /** Answers nothing any more. */
  hangs = false;
  /** Answers its next question with something else than JSON. */
  garbles = false;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    connection.subscribe(`${SUBJECT}.in.*`, {
      callback: (_error, message) => {
        if (this.hangs) return;
        const { id, method, params } = message.json<Message>();
        const session = message.subject.split('.').at(-1)!;
        this.heard.push(method);
        if (this.garbles && method === 'score') {
          this.garbles = false;
          return void message.respond('garbage');
        }
        const response = { jsonrpc: '2.0', id: id ?? null, ...this.#answer(session, method, params) };
        message.respond(JSON.stringify(response));
      },
    });
    connection.publish(`${SUBJECT}.announce`, 'null');
  }

  /** Asks the host. */
  async ask(method: string, params: object): Promise<{ result?: Json; error?: { message: string } }> {
    const session = [...this.sessions.keys()].at(-1)!;
    const request = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    return (await this.#connection.request(`${SUBJECT}.out.${session}`, request, { timeout: 5_000 })).json();
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  #answer(session: string, method: string, params: Message['params']): object {
    const known = this.sessions.get(session);
    switch (method) {
      case 'initialize':
        this.sessions.set(session, { node: params.config!.node, names: [], sequence: -1 });
        return { result: { protocol: 1 } };
      case 'shutdown':
        this.sessions.delete(session);
        return { result: null };
      case 'objects.event':
        this.events.push(params);
        return { result: null };
      case 'score': {
        if (!known) return { error: { code: -32000, message: 'no such session' } };
        const { sequence, size, nodes } = params.nodes!;
        if (sequence > 0 && sequence !== known.sequence + 1) return { result: { resync: true } };
        known.sequence = sequence;
        for (const [index, row] of nodes.row.entries()) known.names[row] = nodes.name[index]!;
        const vector = Array.from({ length: size }, (_, row) => (known.names[row] === known.node ? 100 : 0));
        return { result: { scores: params.pods!.map(() => vector) } };
      }
      default:
        return { error: { code: -32601, message: `no method ${method}` } };
    }
  }
}

async function favours(kernel: TestKernel): Promise<Favours> {
  const url = new URL(kernel.natsUrl);
  const connection = await connect({
    servers: url.host,
    ...(url.username ? { user: url.username, pass: url.password } : {}),
  });
  return new Favours(connection);
}

let serial = 0;

async function place(kernel: TestKernel): Promise<string> {
  const name = `p-${++serial}`;
  await kernel.objects.create(Pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { schedulerName: 'default-scheduler', containers: [{ name: 'main', image: 'i' }] },
  });
  return await eventually(
    `${name} is bound`,
    async () => (await kernel.objects.get(Pods, { namespace: 'default', name }))?.value.spec?.nodeName,
  );
}

t.test('it comes, goes, hangs, is swapped, and asks for objects', async (t) => {
  const kernel = await testKernel(t, {
    plugins: [scheduler, { module: manifest(t) }],
    config: { scheduler: { scoreWeights: { favours: 50 }, scoreTimeoutMilliseconds: 500 } },
    timing: { health: 200, restart: 20 },
  });
  const status = () => kernel.plugins().find(({ name }) => name === 'favours')!;
  const becomes = (phase: PluginPhase, message?: RegExp) =>
    eventually(
      `it is ${phase}`,
      () => status().phase === phase && (!message || message.test(status().message ?? '')),
    );
  for (const name of ['a', 'b', 'c'])
    await kernel.objects.create(Nodes, {
      metadata: { name },
      status: { allocatable: { cpu: '64', memory: '64Gi', pods: '110' } },
    });
  await becomes(
    'Failed',
    /nobody serves example\.favours\.in\..*: is it running, and connected to this NATS\?/,
  );
  t.ok(await place(kernel), 'pods are placed while it is away');

  const first = await favours(kernel);
  t.teardown(() => first.close());
  await becomes('Running');
  t.match(status(), { isolation: 'process', healthy: true });
  for (let index = 0; index < 5; index++) t.equal(await place(kernel), 'b');

  const { revision } = await kernel.objects.list(ConfigMaps);
  t.match(await first.ask('objects.watch', { id: 1, resource: 'configmaps', since: revision }), {
    result: null,
  });
  const object = { metadata: { namespace: 'default', name: 'm' }, data: { a: '1' } };
  t.match(await first.ask('objects.create', { resource: 'configmaps', object }), {
    result: { metadata: { name: 'm' } },
  });
  await eventually('it hears of that', () => first.events.length === 1);
  t.match(first.events[0], { id: 1, type: 'ADDED', object: { data: { a: '1' } } });
  t.match((await first.ask('objects.list', { resource: 'secrets' })).error?.message, /may not list secrets/);

  await kernel.swap('favours', { module: manifest(t, '2.0.0'), config: { node: 'c' } });
  t.equal(first.sessions.size, 1, 'the session before was shut down');
  for (let index = 0; index < 5; index++) t.equal(await place(kernel), 'c');

  first.garbles = true;
  t.ok(await place(kernel));
  await eventually('it is started anew', () =>
    /revision \d+: answered score with what is not JSON/.test(status().lastError ?? ''),
  );
  await becomes('Running');

  const before = status().revision;
  first.hangs = true;
  await eventually('it hangs', () => status().revision > before || status().phase === 'Failed');
  t.ok(await place(kernel));
  await first.close();
  await becomes('Failed', /nobody serves/);
  const second = await favours(kernel);
  t.teardown(() => second.close());
  await becomes('Running');
  const { revision: running } = status();
  const third = await favours(kernel);
  await eventually('one that announces itself is greeted', () => status().revision > running);
  await becomes('Running');
  await third.close();
});
