/** What the server says to people whose request it carries out all the same, as kubectl prints it. */
import t from 'tap';
import { kubectl as kubectlOf, RELEASES } from '../../kubectl.ts';
import { testApi } from './cluster.ts';

const { kubectl, kubeconfig, request } = await testApi(t);

async function warningsOf(object: object, verb = 'create'): Promise<string[]> {
  const { code, stderr } = await kubectl(`${verb} -f -`, JSON.stringify(object));
  if (code !== 0) throw new Error(stderr);
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('Warning: '))
    .map((line) => line.slice('Warning: '.length))
    .filter((line) => !line.includes('last-applied-configuration'));
}

const container = { name: 'c', image: 'x' };
const labels = { app: 'a' };
const workload = (name: string, spec: object, annotations: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels, annotations }, spec } },
});

t.test('versions that are no longer what one should use', async (t) => {
  const ingress = {
    apiVersion: 'extensions/v1beta1',
    kind: 'Ingress',
    metadata: { name: 'old' },
    spec: { backend: { serviceName: 'a', servicePort: 80 } },
  };
  const message =
    'extensions/v1beta1 Ingress is deprecated in v1.14+, unavailable in v1.22+; use networking.k8s.io/v1 Ingress';
  t.same(await warningsOf(ingress), [message]);
  for (const release of RELEASES) {
    const { stderr } = await kubectlOf(kubeconfig, release)('get ingresses.v1beta1.extensions');
    t.equal(stderr, `Warning: ${message}\n`, `kubectl ${release}`);
  }
  const newer = await request('GET', '/apis/networking.k8s.io/v1/namespaces/default/ingresses');
  t.equal(newer.headers['warning'], undefined);
  t.equal(
    (await request('GET', '/api/v1/endpoints')).headers['warning'],
    '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"',
  );
});

t.test('pod templates', async (t) => {
  const spec = {
    nodeSelector: { 'beta.kubernetes.io/os': 'linux' },
    imagePullSecrets: [{ name: 'a' }, { name: 'a' }],
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'failure-domain.beta.kubernetes.io/zone',
        whenUnsatisfiable: 'DoNotSchedule',
      },
    ],
    volumes: [{ name: 'v', gitRepo: { repository: 'https://a.example/' } }],
    containers: [
      {
        ...container,
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
          { name: 'B', value: '1' },
          { name: 'B', value: '$(B)2' },
        ],
        ports: [
          { containerPort: 80 },
          { containerPort: 80, name: 'web' },
          { containerPort: 80, protocol: 'UDP' },
        ],
        resources: { limits: { memory: '1500m' } },
      },
    ],
  };
  const at = 'spec.template.spec';
  const expected = [
    `${at}.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead`,
    `${at}.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead`,
    `${at}.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod`,
    'spec.template.metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
    `${at}.volumes[0].gitRepo: deprecated in v1.11`,
    `${at}.imagePullSecrets[1].name: duplicate name "a"`,
    `${at}.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer`,
    `${at}.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply`,
    `${at}.containers[0].ports[1]: duplicate port definition with ${at}.containers[0].ports[0]`,
  ];
  const deployment = workload('warned', spec, { 'scheduler.alpha.kubernetes.io/critical-pod': '' });
  t.same(await warningsOf(deployment), expected);
  t.equal(
    (await kubectl('label deployment warned a=b')).stderr,
    '',
    'nothing is said again that did not change',
  );
  t.match((await kubectl('set image deployment/warned c=y')).stderr, 'duplicate port definition');
});

t.test('names that make no hostname', async (t) => {
  const use = 'which can result in surprising behavior; a DNS label is recommended: [must not contain dots]';
  t.same(await warningsOf(workload('v1.2', { containers: [container] })), [
    `metadata.name: this is used in Pod names and hostnames, ${use}`,
  ]);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'v1.2' },
    spec: { containers: [container] },
  };
  t.same(await warningsOf(pod), [`metadata.name: this is used in the Pod's hostname, ${use}`]);
});

t.test('other kinds', async (t) => {
  const cases: [object: object, warnings: string[]][] = [
    [
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: { name: 'i', annotations: { 'kubernetes.io/ingress.class': 'nginx' } },
        spec: { defaultBackend: { service: { name: 'a', port: { number: 80 } } } },
      },
      [`annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`],
    ],
    [
      {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: 'p', annotations: { 'volume.beta.kubernetes.io/storage-class': 's' } },
        spec: {
          capacity: { storage: '1Gi' },
          accessModes: ['ReadWriteOnce'],
          persistentVolumeReclaimPolicy: 'Recycle',
          hostPath: { path: '/tmp/x' },
        },
      },
      [
        'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
        'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
      ],
    ],
    [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 's', annotations: { 'service.kubernetes.io/topology-aware-hints': 'auto' } },
        spec: { clusterIP: 'None', externalIPs: ['192.0.2.1'], ports: [{ port: 80 }] },
      },
      [
        'annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead',
        'spec.externalIPs is ignored for headless services',
      ],
    ],
    [
      {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'sa', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } },
      },
      [
        'metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets',
      ],
    ],
  ];
  for (const [object, warnings] of cases) t.same(await warningsOf(object), warnings);
});

t.test('--warnings-as-errors, and dry runs, hear them too', async (t) => {
  const ports = [{ containerPort: 80 }, { containerPort: 80, name: 'web' }];
  const deployment = JSON.stringify(workload('dry', { containers: [{ ...container, ports }] }));
  t.match(await kubectl('create --warnings-as-errors --dry-run=server -f -', deployment), {
    code: 1,
    stderr: /duplicate port definition[\s\S]*1 warning received/,
  });
});
