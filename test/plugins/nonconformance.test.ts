/** The suites find what is wrong: plugins that conform, made to fail in many ways at once. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  type Admission,
  CertificateAuthority,
  ConfigMaps,
  definePlugin,
  type KubeObject,
  provide,
  StatusError,
  WriteAdmission,
} from 'orlop/plugin';
import t, { type Test } from 'tap';
import { skeletonFiles } from '../../plugins/cli/plugin/skeleton.ts';
import { stablePorts } from '../../plugins/cli/ports.ts';
import { testKernel } from '../cluster.ts';
import {
  admissionConformance,
  apiServerConformance,
  type Checks,
  ingressConformance,
  runChecks,
  writeAdmissionConformance,
} from '../conformance/index.ts';
import { testdir } from '../testdir.ts';
import { type TestApi, TOKEN, testApi } from './apiserver/cluster.ts';
import { writer } from './writer.ts';

t.test('the suite for ingresses finds what is wrong', async (t) => {
  const wrong: [right: string, wrong: string, found: RegExp][] = [
    [
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the text of a template
      'asked.startsWith(`${prefix}/`)',
      'asked.startsWith(prefix)',
      /FAILED paths.*\/prefixed is found nowhere/,
    ],
    ['replace(/^[^.]+/,', 'replace(/^.+(?=\\.hosts)/,', /FAILED a\.b\.hosts.* is found nowhere/],
    ['spec?.controller === CONTROLLER', 'spec', /FAILED others.* is found nowhere/],
    ['tried.length > 0 ? 502 : 503', '502', /FAILED empty.* goes to 503/],
    ["'x-forwarded-proto': 'http',", '', /FAILED by what protocol it came: found "gopher"/],
    ["(headers.connection ?? '')", "('')", /FAILED but for those of the connection/],
    ['if (!connected) pass(', 'if (false) pass(', /FAILED always/],
    ["[{ ip: '127.0.0.1' }]", '[]', /FAILED the status of an Ingress/],
    [
      'pipeline(answer, outgoing, () => {});',
      "answer.on('close', () => outgoing.end()); answer.pipe(outgoing)",
      /FAILED an answer that is cut short/,
    ],
  ];
  let text = skeletonFiles('ingress.v1', 'wrong')['index.mjs']!;
  for (const [right, wrongly] of wrong) {
    t.ok(text.includes(right), right);
    text = text.replace(right, wrongly);
  }
  const module = join(testdir(t, { 'wrong.mjs': text }), 'wrong.mjs');
  const [httpPort] = await stablePorts(1);
  const { objects } = await testKernel(t, {
    plugins: [
      { module: new URL('../../plugins/loadbalancer/index.js', import.meta.url).href, isolation: 'inline' },
      { module, isolation: 'inline', config: { httpPort } },
    ],
  });
  const http = { host: '127.0.0.1', port: httpPort! };
  const told = await failures((t) =>
    ingressConformance(t, 'wrong', async () => ({ objects, http, patienceMs: 1_000 })),
  );
  for (const [, , found] of wrong) t.match(told, found, String(found));
});

t.test('the suite for API servers finds what is wrong', async (t) => {
  const api = await testApi(t);
  const port = await careless(t, api);
  const { certificate } = api.kernel.service(CertificateAuthority);
  const told = await failures((t) =>
    apiServerConformance(t, 'careless', async () => ({
      server: { host: 'localhost', port, url: `https://localhost:${port}` },
      ca: certificate,
      admin: {},
      nobody: {},
      objects: api.kernel.objects,
    })),
  );
  for (const found of [
    /FAILED a token that is nobody's/,
    /FAILED who has no rights may not list:/,
    /FAILED who has no rights may not delete all:/,
    /FAILED not with a revision that is over/,
    /FAILED of ten who count at once none is lost/,
    /FAILED another object of its name is not deleted/,
    /FAILED and does nothing: found 200/,
    /FAILED as many as were asked for/,
    /FAILED a table/,
    /FAILED an unknown field, by those who are strict/,
  ])
    t.match(told, found, String(found));
});

t.test('the suite for the admission of writes finds what is wrong', async (t) => {
  const wrongly: Record<string, (object: KubeObject) => KubeObject> = {
    plain: (object) => Object.assign(object, { data: { seen: 'yes' } }),
    labelled: (object) => ({ ...object, kind: `${object.kind ?? ''}Again` }),
    'Not A Name': () => {
      throw new Error('not of this kind');
    },
    pod: (object) => ({ ...object, kind: randomUUID() }),
    'no-pod': (object) => ({ ...object, metadata: { ...object.metadata, name: 'other' } }),
  };
  const wrong: WriteAdmission = {
    concerns: () => true,
    async admit(write) {
      if (write.verb === 'delete') return { ...write, key: { name: 'other' } };
      const change = wrongly[write.object.metadata?.name ?? ''];
      return { ...write, object: change ? change(write.object) : write.object };
    },
  };
  const provider = definePlugin({
    name: 'wrong',
    kind: 'write-admission.v1',
    version: '1.0.0',
    description: 'Admits wrongly.',
    provides: [WriteAdmission],
    start: () => ({ provides: [provide(WriteAdmission, wrong)] }),
  });
  const { plugin, objects } = writer();
  await testKernel(t, { plugins: [provider, plugin] });
  const sample = { resource: ConfigMaps, object: { metadata: { namespace: 'default', name: 'a' } } };
  const told = await failures((t) =>
    writeAdmissionConformance(t, 'wrong', async () => ({
      admission: wrong,
      objects: objects(),
      admitted: [{ ...sample, as: { data: { a: '1' } } }],
      refused: [sample],
    })),
  );
  for (const found of [
    /FAILED the write that was given stays as it is/,
    /FAILED what is admitted is admitted as it is/,
    /FAILED goes through: a refusal is a StatusError/,
    /FAILED the same is made of it each time/,
    /FAILED it keeps its name/,
    /FAILED a deletion is admitted as it is/,
    /FAILED it looks as it should/,
    /FAILED it is refused/,
  ])
    t.match(told, found, String(found));
});

t.test('the suite for admissions finds what is wrong', async (t) => {
  const wrongly: Record<string, (object: KubeObject) => KubeObject> = {
    plain: (object) => Object.assign(object, { data: { seen: 'yes' } }),
    labelled: (object) => ({ ...object, metadata: { ...object.metadata, name: 'other' } }),
    pod: (object) => ({ ...object, spec: { node: randomUUID() } }),
    deployment: (object) => ({ ...object, note: `${(object as { note?: string }).note ?? ''}.` }),
    widget: (object) => ({ ...object, kind: 'Gadget' }),
  };
  const wrong: Admission = {
    rules: [{ operations: ['*'], apiGroups: ['*'], resources: ['*'] }],
    mutate: ({ object, name }) => wrongly[name]?.(object!) ?? object!,
    validate({ operation, name }) {
      if (operation === 'DELETE') throw new StatusError('Conflict', `${name} stays`);
    },
  };
  const sample = { resource: ConfigMaps, object: { metadata: { namespace: 'default', name: 'a' } } };
  const suite = (admission: Admission) =>
    failures((t) =>
      admissionConformance(t, 'wrong', async () => ({
        admission,
        admitted: [{ ...sample, as: { data: { a: '1' } } }],
        refused: [sample],
      })),
    );
  const told = `${await suite(wrong)}\n${await suite({ rules: [] })}`;
  for (const found of [
    /FAILED goes through: a refusal is a StatusError, and what is given is frozen/,
    /FAILED it keeps its name/,
    /FAILED it keeps its apiVersion and kind/,
    /FAILED the same is made of it each time/,
    /FAILED what is admitted is admitted as it is/,
    /FAILED a refusal is none that whoever writes would take for a lost race/,
    /FAILED it looks as it should/,
    /FAILED it is refused/,
    /FAILED its rules say what it is asked about: .*of one at least/,
    /FAILED it has mutate, validate or both/,
  ])
    t.match(told, found, String(found));
});

/** Passes requests on as those of the administrator, without much of what makes them safe. Returns its port. */
async function careless(t: Test, { kernel, url }: TestApi): Promise<number> {
  const ca = kernel.service(CertificateAuthority);
  const { certificate, key } = await ca.issue({
    commonName: 'careless',
    usage: 'server',
    hosts: ['localhost'],
  });
  const server = createServer({ cert: certificate, key }, (incoming, outgoing) => {
    void (async () => {
      let body = '';
      for await (const chunk of incoming) body += String(chunk);
      const { method = '', headers } = incoming;
      const to = new URL(incoming.url ?? '', url);
      for (const each of ['dryRun', 'limit', 'fieldValidation']) to.searchParams.delete(each);
      if (method === 'PUT') body = body.replace(/"resourceVersion":"\d+",?/, '');
      if (method === 'DELETE') body = '';
      const sent = request(to, {
        method,
        ca: ca.certificate,
        agent: false,
        headers: {
          authorization: `Bearer ${TOKEN}`,
          ...(body === ''
            ? {}
            : { 'content-type': headers['content-type'], 'content-length': Buffer.byteLength(body) }),
        },
      });
      sent.end(body);
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      outgoing.writeHead(answer.statusCode ?? 500, { 'content-type': answer.headers['content-type'] });
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      outgoing.once('close', () => answer.destroy());
    })();
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** What a suite tells that fails. */
async function failures(suite: (t: Checks) => Promise<void>): Promise<string> {
  const lines: string[] = [];
  await runChecks('wrong', suite, (line) => lines.push(line));
  return lines.filter((line) => line.includes('FAILED')).join('\n');
}
