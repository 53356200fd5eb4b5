/** The suites find what is wrong: plugins that conform, made to fail in many ways at once. */
import { join } from 'node:path';
import t from 'tap';
import { freePorts } from '../../kernel/nats/probe.ts';
import { module as ingressTemplate } from '../../plugins/cli/plugin/templates/ingress.ts';
import { testKernel } from '../cluster.ts';
import { ingressConformance, runChecks } from '../conformance/index.ts';

t.test('the suite for ingresses finds what is wrong', async (t) => {
  const wrong: [right: string, wrong: string, found: RegExp][] = [
    [
      "asked.startsWith(prefix + '/')",
      'asked.startsWith(prefix)',
      /FAILED paths.*\/prefixed is found nowhere/,
    ],
    ['replace(/^[^.]+/,', 'replace(/^.+(?=\\.hosts)/,', /FAILED a\.b\.hosts.* is found nowhere/],
    ['value.spec?.controller === CONTROLLER ?', 'value.spec ?', /FAILED others.* is found nowhere/],
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
  let text = ingressTemplate('wrong');
  for (const [right, wrongly] of wrong) {
    t.ok(text.includes(right), right);
    text = text.replace(right, wrongly);
  }
  const module = join(t.testdir({ 'wrong.mjs': text }), 'wrong.mjs');
  const [httpPort] = await freePorts('127.0.0.1', 1);
  const { objects } = await testKernel(t, {
    plugins: [
      { module: new URL('../../plugins/loadbalancer/index.js', import.meta.url).href, isolation: 'inline' },
      { module, isolation: 'inline', config: { httpPort } },
    ],
  });
  const lines: string[] = [];
  const http = { host: '127.0.0.1', port: httpPort! };
  await runChecks(
    'wrong',
    (t) => ingressConformance(t, 'wrong', async () => ({ objects, http, patienceMs: 300 })),
    (line) => lines.push(line),
  );
  for (const [, , found] of wrong) t.match(lines.join('\n'), found, String(found));
});
