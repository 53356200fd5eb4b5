import { apiVersionOf, type KubeObject } from 'orlop/plugin';
import t from 'tap';
import { errorBody } from '../../../plugins/apiserver/resources/errors.ts';
import {
  applyDefaults,
  prepareForCreate,
  prepareForUpdate,
  validateCreate,
  validateUpdate,
} from '../../../plugins/apiserver/resources/lifecycle.ts';
import { standardRows } from '../../../plugins/apiserver/resources/standard.ts';
import { MANIFESTS } from './manifests.ts';

const rows = standardRows({ serviceCIDR: '10.96.0.0/16', nodePorts: [30_000, 32_767] });

function rowOf(kind: string) {
  return rows.find((each) => `${apiVersionOf(each)}/${each.kind}` === kind)!;
}

/** The kind's manifest with `change` in it, as a JSON merge patch; its own when there is none. */
function draft(kind: string, change: object = {}): KubeObject {
  const { body, name = 'a' } = MANIFESTS[kind]!;
  const metadata = { name, ...(rowOf(kind).namespaced ? { namespace: 'default' } : {}) };
  return merged({ metadata, ...structuredClone(body) }, change) as KubeObject;
}

function merged(into: Record<string, unknown>, change: object): Record<string, unknown> {
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete into[key];
    else if (typeof value === 'object' && !Array.isArray(value)) {
      into[key] = merged({ ...(into[key] as object) }, value as object);
    } else into[key] = value;
  }
  return into;
}

function created(kind: string, change?: object): KubeObject {
  const object = draft(kind, change);
  applyDefaults(rowOf(kind), object);
  prepareForCreate(rowOf(kind), object);
  return object;
}

const texts = (errors: ReturnType<typeof validateCreate>): string[] =>
  errors.map((error) => `${error.field}: ${errorBody(error)}`);

/** In the words of Kubernetes. */
const CREATES: [kind: string, change: object, error: string][] = [
  ['apps/v1/StatefulSet', { spec: { selector: null } }, 'spec.selector: Required value'],
  [
    'apps/v1/StatefulSet',
    { spec: { podManagementPolicy: 'Any' } },
    'spec.podManagementPolicy: Unsupported value: "Any": supported values: "OrderedReady", "Parallel"',
  ],
  [
    'apps/v1/DaemonSet',
    { spec: { updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } } },
    'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0 when maxSurge is 0',
  ],
  [
    'batch/v1/Job',
    { spec: { template: { spec: { restartPolicy: 'Always' } } } },
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ],
  [
    'batch/v1/CronJob',
    { spec: { schedule: 'daily' } },
    'spec.schedule: Invalid value: "daily": expected exactly 5 fields, found 1: [daily]',
  ],
  [
    'batch/v1/CronJob',
    { spec: { schedule: '61 * * * *' } },
    'spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61',
  ],
  [
    'batch/v1/CronJob',
    { spec: { timeZone: 'Mars/Base' } },
    'spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base',
  ],
  [
    'autoscaling/v2/HorizontalPodAutoscaler',
    { spec: { minReplicas: 5 } },
    'spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`',
  ],
  [
    'v1/PersistentVolumeClaim',
    { spec: { accessModes: null } },
    'spec.accessModes: Required value: at least 1 access mode is required',
  ],
  ['v1/PersistentVolumeClaim', { spec: { resources: null } }, 'spec.resources[storage]: Required value'],
  ['v1/PersistentVolume', { spec: { hostPath: null } }, 'spec: Required value: must specify a volume type'],
  [
    'v1/LimitRange',
    { spec: { limits: [{ type: 'Pod', min: { cpu: '2' }, max: { cpu: '1' } }] } },
    'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
  ],
  [
    'v1/Endpoints',
    { subsets: [{ ports: [] }] },
    'subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`',
  ],
  ['storage.k8s.io/v1/StorageClass', { provisioner: null }, 'provisioner: Required value'],
  [
    'scheduling.k8s.io/v1/PriorityClass',
    { value: 2_000_000_000 },
    'value: Forbidden: maximum allowed value of a user defined priority is 1000000000',
  ],
  [
    'networking.k8s.io/v1/NetworkPolicy',
    { spec: { ingress: [{ from: [{}] }] } },
    'spec.ingress[0].from[0]: Required value: must specify a peer',
  ],
  [
    'networking.k8s.io/v1/NetworkPolicy',
    { spec: { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/16', except: ['10.1.0.0/24'] } }] }] } },
    'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "10.1.0.0/24": must be a strict subset of `cidr`',
  ],
  [
    'rbac.authorization.k8s.io/v1/Role',
    { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
    'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
  ],
  [
    'rbac.authorization.k8s.io/v1/ClusterRoleBinding',
    { subjects: [{ kind: 'ServiceAccount', name: 's' }] },
    'subjects[0].namespace: Required value',
  ],
  [
    'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration',
    { webhooks: [{ name: 'a' }] },
    'webhooks[0].name: Invalid value: "a": should be a domain with at least three segments separated by dots',
  ],
  [
    'apiextensions.k8s.io/v1/CustomResourceDefinition',
    { spec: { names: { plural: 'boats' } } },
    'metadata.name: Invalid value: "ships.example.com": must be spec.names.plural+"."+spec.group',
  ],
];

t.test('what is wrong with a new object is said in the words of Kubernetes', async (t) => {
  for (const [kind, change, error] of CREATES) {
    t.same(texts(validateCreate(rowOf(kind), created(kind))), [], `${kind} itself is right`);
    const errors = texts(validateCreate(rowOf(kind), created(kind, change)));
    t.ok(errors.includes(error), `${kind}: ${error}`, { errors });
  }
});

const UPDATES: [kind: string, change: object, error: string][] = [
  ['batch/v1/Job', { spec: { completions: 9 } }, 'spec.completions: Invalid value: 9: field is immutable'],
  [
    'apps/v1/StatefulSet',
    { spec: { serviceName: 'other' } },
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  ],
  [
    'v1/PersistentVolumeClaim',
    { spec: { storageClassName: 'other' } },
    'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
  ],
  [
    'v1/PersistentVolume',
    { spec: { hostPath: { path: '/other' } } },
    'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation',
  ],
  [
    'storage.k8s.io/v1/StorageClass',
    { provisioner: 'example.com/q' },
    'provisioner: Forbidden: updates to provisioner are forbidden.',
  ],
  ['scheduling.k8s.io/v1/PriorityClass', { value: 2 }, 'value: Forbidden: may not be changed in an update.'],
  [
    'rbac.authorization.k8s.io/v1/RoleBinding',
    { roleRef: { name: 'edit' } },
    'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"edit"}: cannot change roleRef',
  ],
];

t.test('what may not change is said in the words of Kubernetes', async (t) => {
  for (const [kind, change, error] of UPDATES) {
    const row = rowOf(kind);
    const old = created(kind);
    const judge = (next: KubeObject): string[] => {
      prepareForUpdate(row, next, old);
      return texts(validateUpdate(row, next, old));
    };
    t.same(judge(draft(kind)), [], `${kind} is the same when it is applied again`);
    const errors = judge(draft(kind, change));
    t.ok(errors.includes(error), `${kind}: ${error}`, { errors });
  }
});
