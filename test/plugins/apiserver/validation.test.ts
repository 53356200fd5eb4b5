import { generateName, type KubeObject } from 'orlop/plugin';
import t from 'tap';
import { errorBody, invalidObject } from '../../../plugins/apiserver/resources/errors.ts';
import {
  applyDefaults,
  prepareForCreate,
  prepareForUpdate,
  validateCreate,
  validateUpdate,
} from '../../../plugins/apiserver/resources/lifecycle.ts';
import { standardRows } from '../../../plugins/apiserver/resources/standard.ts';
import { ResourceTable } from '../../../plugins/apiserver/resources/table.ts';
import type { ResourceRow } from '../../../plugins/apiserver/resources/types.ts';

const table = new ResourceTable(standardRows({ serviceCIDR: '10.96.0.0/16', nodePorts: [30_000, 32_767] }));
const pods = table.find('', 'v1', 'pods')!;
const deployments = table.find('apps', 'v1', 'deployments')!;
const services = table.find('', 'v1', 'services')!;
const ingresses = table.find('networking.k8s.io', 'v1', 'ingresses')!;

type Draft = KubeObject & Record<string, unknown>;

function draft(spec: unknown, metadata: object = {}): Draft {
  return structuredClone({ metadata: { name: 'a', namespace: 'default', ...metadata }, spec });
}

function created(row: ResourceRow, object: Draft): Draft {
  applyDefaults(row, object);
  prepareForCreate(row, object);
  return object;
}

/** What is wrong, as `field: text`. */
function errors(row: ResourceRow, object: Draft): string[] {
  return validateCreate(row, created(row, object)).map((error) => `${error.field}: ${errorBody(error)}`);
}

function updateErrors(row: ResourceRow, before: Draft, after: Draft): string[] {
  const old = created(row, before);
  applyDefaults(row, after);
  prepareForUpdate(row, after, old);
  return validateUpdate(row, after, old).map((error) => `${error.field}: ${errorBody(error)}`);
}

const container = { name: 'c', image: 'nginx' };

function deployment(changes: object = {}, labels: object = { app: 'a' }): Draft {
  return draft({
    selector: { matchLabels: { app: 'a' } },
    template: { metadata: { labels }, spec: { containers: [container] } },
    ...changes,
  });
}

t.test('defaults of a pod are those of Kubernetes', async (t) => {
  const pod = created(
    pods,
    draft({
      containers: [
        {
          ...container,
          ports: [{ containerPort: 80 }],
          livenessProbe: { httpGet: { port: 80 } },
          resources: { limits: { cpu: '1', memory: '1Gi' } },
        },
      ],
      volumes: [{ name: 'v' }, { name: 's', secret: { secretName: 's' } }],
    }),
  );
  t.same(pod, {
    metadata: { name: 'a', namespace: 'default' },
    spec: {
      containers: [
        {
          name: 'c',
          image: 'nginx',
          imagePullPolicy: 'Always',
          ports: [{ containerPort: 80, protocol: 'TCP' }],
          livenessProbe: {
            httpGet: { path: '/', port: 80, scheme: 'HTTP' },
            timeoutSeconds: 1,
            periodSeconds: 10,
            successThreshold: 1,
            failureThreshold: 3,
          },
          resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } },
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
        },
      ],
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 's', secret: { secretName: 's', defaultMode: 420 } },
      ],
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
      securityContext: {},
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
      serviceAccountName: 'default',
      serviceAccount: 'default',
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
      tolerations: ['not-ready', 'unreachable'].map((key) => ({
        key: `node.kubernetes.io/${key}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
    },
    status: { phase: 'Pending', qosClass: 'Guaranteed' },
  });
  const again = structuredClone(pod);
  applyDefaults(pods, again);
  t.same(again, pod, 'idempotent');
});

t.test('the pull policy follows the tag', async (t) => {
  const policies = {
    nginx: 'Always',
    'a:5000/b': 'Always',
    'nginx:latest': 'Always',
    'nginx:1': 'IfNotPresent',
    'a@sha256:0': 'IfNotPresent',
  };
  for (const [image, policy] of Object.entries(policies)) {
    const pod = created(pods, draft({ containers: [{ name: 'c', image }] }));
    t.match(pod, { spec: { containers: [{ imagePullPolicy: policy }] } }, image);
  }
});

t.test('a pod is refused in the words of Kubernetes', async (t) => {
  const cases: [spec: object, expected: string[]][] = [
    [{ containers: [] }, ['spec.containers: Required value']],
    [{ containers: [{ name: 'c' }] }, ['spec.containers[0].image: Required value']],
    [{ containers: [container, container] }, ['spec.containers[1].name: Duplicate value: "c"']],
    [
      { containers: [{ ...container, name: 'C_' }] },
      [
        `spec.containers[0].name: Invalid value: "C_": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name', or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
      ],
    ],
    [
      { containers: [{ ...container, ports: [{ containerPort: 70_000, protocol: 'tcp' }] }] },
      [
        'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
        'spec.containers[0].ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
      ],
    ],
    [
      { containers: [{ ...container, volumeMounts: [{ name: 'x', mountPath: '/x' }] }] },
      ['spec.containers[0].volumeMounts[0].name: Not found: "x"'],
    ],
    [
      { containers: [{ ...container, resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }] },
      [
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
      ],
    ],
    [
      { containers: [{ ...container, livenessProbe: {} }] },
      ['spec.containers[0].livenessProbe: Required value: must specify a handler type'],
    ],
    [
      { containers: [{ ...container, env: [{ name: '1=', valueFrom: {} }] }] },
      [
        `spec.containers[0].env[0].name: Invalid value: "1=": a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name', or 'MY_ENV.NAME', or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')`,
        'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
      ],
    ],
    [
      { containers: [container], restartPolicy: 'Sometimes' },
      [
        'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
      ],
    ],
    [
      { containers: [container], volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/a/../b' } }] },
      [
        'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
        'spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain \'..\'',
      ],
    ],
  ];
  for (const [spec, expected] of cases) t.same(errors(pods, draft(spec)), expected);
  t.same(errors(pods, draft({ containers: [container] })), []);
});

t.test('only a few fields of a pod may change', async (t) => {
  const pod = (): Draft => draft({ containers: [container] });
  t.same(updateErrors(pods, pod(), draft({ containers: [{ ...container, image: 'other' }] })), []);
  const [error] = updateErrors(pods, pod(), draft({ containers: [container], hostNetwork: true }));
  t.match(
    error,
    /^spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`/,
  );
  t.match(error, /changed: spec\.hostNetwork$/);
  const [added] = updateErrors(pods, pod(), draft({ containers: [container, { ...container, name: 'd' }] }));
  t.equal(added, 'spec.containers: Forbidden: pod updates may not add or remove containers');
});

t.test('a pod that a controller made can be labelled', async (t) => {
  const made = draft({ containers: [{ ...container, resources: { limits: { cpu: '1' } } }] });
  const next = structuredClone(made);
  next.metadata!.labels = { a: 'b' };
  prepareForUpdate(pods, next, made);
  applyDefaults(pods, next);
  t.same(validateUpdate(pods, next, made), []);
});

t.test('metadata', async (t) => {
  const spec = { containers: [container] };
  t.match(errors(pods, draft(spec, { name: 'A' })), [
    /^metadata\.name: Invalid value: "A": a lowercase RFC 1123 subdomain/,
  ]);
  t.same(errors(pods, draft(spec, { name: undefined })), [
    'metadata.name: Required value: name or generateName is required',
  ]);
  t.match(errors(pods, draft(spec, { labels: { 'a/b/c': 'x' } })), [
    /^metadata\.labels: Invalid value: "a\/b\/c": a qualified name/,
  ]);
  t.match(errors(pods, draft(spec, { labels: { a: '-' } })), [
    /^metadata\.labels: Invalid value: "-": a valid label must be/,
  ]);
  t.same(errors(pods, draft(spec, { annotations: { a: 'x'.repeat(300_000) } })), [
    'metadata.annotations: Too long: may not be more than 262144 bytes',
  ]);
  t.match(generateName('a'.repeat(80)), /^a{58}[b-z2-9]{5}$/);
});

t.test('deployments', async (t) => {
  const complete = created(deployments, deployment());
  t.match(complete['spec'], {
    replicas: 1,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    template: { spec: { restartPolicy: 'Always' } },
  });
  t.notOk(
    Object.hasOwn((complete['spec'] as { template: { spec: object } }).template.spec, 'enableServiceLinks'),
  );
  t.same(errors(deployments, deployment()), []);
  t.same(errors(deployments, deployment({}, { app: 'b' })), [
    'spec.template.metadata.labels: Invalid value: {"app":"b"}: `selector` does not match template `labels`',
  ]);
  t.same(errors(deployments, deployment({ selector: undefined, replicas: -1 })), [
    'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    'spec.selector: Required value',
  ]);
  t.same(
    errors(deployments, deployment({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } } })),
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
  );
  t.same(
    updateErrors(
      deployments,
      deployment(),
      deployment({ selector: { matchLabels: { app: 'b' } } }, { app: 'b' }),
    ),
    ['spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable'],
  );
});

t.test('services', async (t) => {
  t.same(errors(services, draft({ ports: [{ port: 80 }] })), []);
  t.same(errors(services, draft({})), ['spec.ports: Required value']);
  t.same(errors(services, draft({ ports: [{ port: 80, nodePort: 30_000 }] })), [
    "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
  ]);
  t.same(errors(services, draft({ ports: [{ port: 80, name: 'a' }, { port: 80 }] })), [
    'spec.ports[1].name: Required value',
    'spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}',
  ]);
  t.match(errors(services, draft({ ports: [{ port: 80 }] }, { name: '1a' })), [
    /a DNS-1035 label must consist of/,
  ]);
  t.same(
    updateErrors(
      services,
      draft({ ports: [{ port: 80 }], clusterIP: '10.96.0.1' }),
      draft({ ports: [{ port: 80 }], clusterIP: '10.96.0.2' }),
    ),
    ['spec.clusterIPs[0]: Invalid value: ["10.96.0.2"]: may not change once set'],
  );
});

t.test('ingresses, config maps, secrets', async (t) => {
  const path = { path: '/', pathType: 'Prefix', backend: { service: { name: 'a', port: { number: 80 } } } };
  t.same(errors(ingresses, draft({ rules: [{ host: 'a.example', http: { paths: [path] } }] })), []);
  t.same(errors(ingresses, draft({})), [
    'spec: Invalid value: []: either `defaultBackend` or `rules` must be specified',
  ]);
  t.same(
    errors(ingresses, draft({ rules: [{ http: { paths: [{ ...path, path: 'x', pathType: undefined }] } }] })),
    ['spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified'],
  );
  const configMaps = table.find('', 'v1', 'configmaps')!;
  t.match(errors(configMaps, { metadata: { name: 'a', namespace: 'b' }, data: { 'a b': '' } }), [
    /^data\[a b\]: Invalid value: "a b": a valid config key must consist of/,
  ]);
  const secrets = table.find('', 'v1', 'secrets')!;
  const secret = created(secrets, { metadata: { name: 'a', namespace: 'b' }, stringData: { a: 'b' } });
  t.same(secret, { metadata: { name: 'a', namespace: 'b' }, type: 'Opaque', data: { a: 'Yg==' } });
  t.same(errors(secrets, { metadata: { name: 'a', namespace: 'b' }, type: 'kubernetes.io/tls', data: {} }), [
    'data[tls.crt]: Required value',
    'data[tls.key]: Required value',
  ]);
});

t.test('the Status of an invalid object', async (t) => {
  const status = invalidObject(deployments, 'web', [
    { type: 'Required', field: 'spec.selector', detail: '' },
    { type: 'Invalid', field: 'spec.replicas', value: -1, detail: 'no' },
  ]).toStatus();
  t.same(status, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message:
      'Deployment.apps "web" is invalid: [spec.selector: Required value, spec.replicas: Invalid value: -1: no]',
    reason: 'Invalid',
    details: {
      name: 'web',
      group: 'apps',
      kind: 'Deployment',
      causes: [
        { reason: 'FieldValueRequired', message: 'Required value', field: 'spec.selector' },
        { reason: 'FieldValueInvalid', message: 'Invalid value: -1: no', field: 'spec.replicas' },
      ],
    },
    code: 422,
  });
});
