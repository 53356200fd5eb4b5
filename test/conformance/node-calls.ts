import { text } from 'node:stream/consumers';
import {
  type AttachParams,
  type BusClient,
  type ExecParams,
  type Json,
  type LogsParams,
  type NodeCall,
  type NodeStats,
  nodeSubject,
  type Pod,
  type PortForwardParams,
} from 'orlop/plugin';
import type { Checks } from './checks.ts';

/** Milliseconds for an answer of which there is an end. */
const PATIENCE = 3_000;

interface Reached {
  bus: BusClient;
  node: string;
}

/** What a node agent answers on the bus about a pod that runs, has one container `main`, and has logged two lines, `one` and `two`. */
export async function callsConformance(t: Checks, { bus, node }: Reached, { metadata }: Pod): Promise<void> {
  const { namespace = '', name: pod = '', uid = '' } = metadata ?? {};
  const said = async (call: NodeCall, params: object, input = ''): Promise<string> => {
    const stream = await bus.openStream(nodeSubject(node, call), params as Json);
    stream.end(input);
    const late = new Error(`${call} does not end within ${PATIENCE} ms`);
    const timer = setTimeout(() => stream.destroy(late), PATIENCE);
    return text(stream).finally(() => clearTimeout(timer));
  };
  const logs = { namespace, pod, uid, container: 'main', follow: false, previous: false, timestamps: false };
  t.equal(await said('logs', logs satisfies LogsParams), 'one\ntwo\n', 'the log of a container');
  t.equal(await said('logs', { ...logs, tailLines: 1 }), 'two\n', 'its last lines');
  t.match(
    await said('logs', { ...logs, tailLines: 1, timestamps: true }),
    /^\d{4}-\d\d-\d\dT\S+Z two\n$/,
    'with times',
  );

  const streams = { stdin: false, stdout: true, stderr: true, tty: false };
  const attach = { namespace, pod, uid, container: 'main', ...streams } satisfies AttachParams;
  const exec = { ...attach, command: ['true'] } satisfies ExecParams;
  const portforward = { namespace, pod, uid, port: 80 } satisfies PortForwardParams;
  for (const [call, params] of Object.entries({ logs, attach, exec, portforward }) as [NodeCall, object][]) {
    const refused = (changes: object, reason: string, what: string): Promise<unknown> =>
      t.rejects(said(call, { ...params, ...changes }), { reason }, `${call}: ${what}`);
    await refused({ pod: 'nobody' }, 'NotFound', 'a pod there is not');
    await refused({ namespace: 'elsewhere' }, 'NotFound', 'one of another namespace');
    await refused({ uid: 'another' }, 'Conflict', 'one that was replaced');
    if (call !== 'portforward') await refused({ container: 'other' }, 'BadRequest', 'a container it has not');
  }
  await t.rejects(
    said('logs', { ...logs, previous: true }),
    { reason: 'BadRequest' },
    'a container that did not run before',
  );

  const stats = await bus.request<Json>(nodeSubject(node, 'stats'), {}, { timeout: 10_000 });
  const { usage, pods, timestamp, window } = stats as unknown as NodeStats;
  t.ok(Date.parse(timestamp) <= Date.now() && window > 0, 'what is used, when and over how long');
  t.ok(usage.usageCoreNanoSeconds > 0 && usage.workingSetBytes > 0, 'by the node');
  const found = pods.find((each) => each.uid === uid);
  t.match(found, { namespace, name: pod, containers: [{ name: 'main' }] }, 'and by each pod');

  const request = 'GET /healthz HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n';
  t.match(await said('kubelet', {}, request), /^HTTP\/1\.1 200 /, 'it answers as kubelet does at its port');
}
