import t from 'tap';
import { containerEnv, expandAll } from '../../../plugins/node/env.ts';
import { expand } from '../../../plugins/node/expand.ts';
import { qosClass } from '../../../plugins/node/resource-fields.ts';
import { serviceEnv } from '../../../plugins/node/service-env.ts';

t.test('$(VAR) expansion', async (t) => {
  const variables = new Map([
    ['A', 'alpha'],
    ['B', '$(A)'],
  ]);
  for (const [text, expected] of [
    ['$(A)-$(A)', 'alpha-alpha'],
    ['$(NONE)', '$(NONE)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$alpha'],
    ['$(B)', '$(A)'],
    ['$A $', '$A $'],
    ['$(A', '$(A'],
  ] as const) {
    t.equal(expand(text, variables), expected, text);
  }
  t.same(expandAll(['run', '$(A)'], variables), ['run', 'alpha']);
});

t.test('all sources of a variable', async (t) => {
  const data = new Map([
    [
      'ConfigMap app',
      new Map([
        ['LEVEL', 'info'],
        ['NAME', 'from-map'],
      ]),
    ],
    ['Secret key', new Map([['PASSWORD', 's3cret']])],
  ]);
  const sources = {
    data: (kind: string, name: string) => data.get(`${kind} ${name}`),
    podIP: '10.244.0.7',
    hostIP: '10.0.0.1',
    allocatable: { cpu: 2, memory: 2 ** 31 },
    services: new Map([['WEB_SERVICE_HOST', '10.96.0.9']]),
  };
  const pod = {
    metadata: { name: 'p', namespace: 'd', uid: 'u', labels: { app: 'web' } },
    spec: { nodeName: 'n', containers: [] },
  };
  const env = (container: object): Record<string, string> =>
    Object.fromEntries(containerEnv(pod, { name: 'c', ...container }, sources));

  t.same(
    env({
      envFrom: [{ configMapRef: { name: 'app' } }, { prefix: 'P_', secretRef: { name: 'key' } }],
      env: [
        { name: 'NAME', value: 'own' },
        { name: 'URL', value: 'http://$(WEB_SERVICE_HOST)/$(NAME)' },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
        { name: 'MEM', valueFrom: { resourceFieldRef: { resource: 'requests.memory', divisor: '1Mi' } } },
        { name: 'MILLI', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
        { name: 'KEY', valueFrom: { secretKeyRef: { name: 'key', key: 'PASSWORD' } } },
        { name: 'MAYBE', valueFrom: { configMapKeyRef: { name: 'none', key: 'x', optional: true } } },
      ],
      resources: { requests: { memory: '64Mi' } },
    }),
    {
      WEB_SERVICE_HOST: '10.96.0.9',
      LEVEL: 'info',
      NAME: 'own',
      P_PASSWORD: 's3cret',
      URL: 'http://10.96.0.9/own',
      IP: '10.244.0.7',
      APP: 'web',
      CPU: '2',
      MEM: '64',
      MILLI: '2000',
      KEY: 's3cret',
    },
  );
  t.throws(() => env({ envFrom: [{ configMapRef: { name: 'none' } }] }), {
    message: 'configmap "none" not found',
  });
  t.throws(() => env({ env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'key', key: 'nope' } } }] }), {
    message: "couldn't find key nope in Secret d/key",
  });
  t.throws(() => env({ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'spec.none' } } }] }), {
    name: 'ConfigError',
  });
});

t.test('Services as variables', async (t) => {
  const service = {
    metadata: { name: 'my-web' },
    spec: {
      clusterIP: '10.96.0.9',
      ports: [
        { name: 'http', port: 80 },
        { name: 'dns', port: 53, protocol: 'UDP' as const },
      ],
    },
  };
  const headless = { metadata: { name: 'db' }, spec: { clusterIP: 'None', ports: [{ port: 5432 }] } };
  t.same(Object.fromEntries(serviceEnv([service, headless])), {
    MY_WEB_SERVICE_HOST: '10.96.0.9',
    MY_WEB_SERVICE_PORT: '80',
    MY_WEB_SERVICE_PORT_HTTP: '80',
    MY_WEB_SERVICE_PORT_DNS: '53',
    MY_WEB_PORT: 'tcp://10.96.0.9:80',
    MY_WEB_PORT_80_TCP: 'tcp://10.96.0.9:80',
    MY_WEB_PORT_80_TCP_PROTO: 'tcp',
    MY_WEB_PORT_80_TCP_PORT: '80',
    MY_WEB_PORT_80_TCP_ADDR: '10.96.0.9',
    MY_WEB_PORT_53_UDP: 'udp://10.96.0.9:53',
    MY_WEB_PORT_53_UDP_PROTO: 'udp',
    MY_WEB_PORT_53_UDP_PORT: '53',
    MY_WEB_PORT_53_UDP_ADDR: '10.96.0.9',
  });
});

t.test('QoS classes', async (t) => {
  const pod = (...resources: object[]) => ({
    spec: { containers: resources.map((each, index) => ({ name: `c${index}`, resources: each })) },
  });
  const both = { cpu: '1', memory: '1Gi' };
  t.equal(qosClass(pod({})), 'BestEffort');
  t.equal(qosClass(pod({ limits: both })), 'Guaranteed');
  t.equal(qosClass(pod({ limits: both, requests: { cpu: '1000m', memory: '1024Mi' } })), 'Guaranteed');
  t.equal(qosClass(pod({ limits: both }, {})), 'Burstable');
  t.equal(qosClass(pod({ requests: { cpu: '100m' } })), 'Burstable');
});
