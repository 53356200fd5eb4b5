/** The least that each kind accepts, by `apiVersion/kind`: without metadata, and with a change that an update may make. */
export interface Manifest {
  readonly body: Record<string, unknown>;
  /** Default: some letters. */
  readonly name?: string;
  /** A JSON merge patch. */
  readonly change?: Record<string, unknown>;
}

const container = { name: 'c', image: 'nginx:1.14.2' };
const labels = { app: 'a' };
const template = { metadata: { labels }, spec: { containers: [container] } };
const job = { template: { spec: { restartPolicy: 'Never', containers: [container] } } };
const selector = { matchLabels: labels };
const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] };
const webhooks = [
  {
    name: 'a.example.com',
    clientConfig: { service: { namespace: 'default', name: 'hook' } },
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    rules: [rule],
  },
];
const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
/** A PEM header is all that is looked at. */
const request = Buffer.from('-----BEGIN CERTIFICATE REQUEST-----').toString('base64');
const ingressRules = [
  {
    host: 'a.example.com',
    http: {
      paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'a', port: { number: 80 } } } }],
    },
  },
];

const olderBackend = { serviceName: 'a', servicePort: 80 };
const olderSpec = {
  backend: olderBackend,
  rules: [{ host: 'a.example.com', http: { paths: [{ path: '/', backend: olderBackend }] } }],
};

export const MANIFESTS: Readonly<Record<string, Manifest>> = {
  'v1/ConfigMap': { body: { data: { a: 'b' } }, change: { data: { a: 'c' } } },
  'v1/Secret': { body: { stringData: { a: 'b' } }, change: { stringData: { a: 'c' } } },
  'v1/ServiceAccount': { body: {} },
  'v1/Namespace': { body: {} },
  'v1/Node': { body: {}, change: { spec: { unschedulable: true } } },
  'v1/Pod': { body: { spec: { containers: [container] } } },
  'v1/Service': { body: { spec: { ports: [{ port: 80 }] } }, change: { spec: { selector: labels } } },
  'v1/Endpoints': { body: { subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] } },
  'v1/Event': { body: { involvedObject: { namespace: 'default' }, reason: 'A' }, change: { reason: 'B' } },
  'v1/ReplicationController': { body: { spec: { template } }, change: { spec: { replicas: 3 } } },
  'v1/PodTemplate': { body: { template } },
  'v1/PersistentVolume': {
    body: {
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/tmp' } },
    },
    change: { spec: { persistentVolumeReclaimPolicy: 'Delete' } },
  },
  'v1/PersistentVolumeClaim': { body: { spec: claim }, change: { spec: { volumeName: 'v' } } },
  'v1/ResourceQuota': { body: { spec: { hard: { pods: '4' } } }, change: { spec: { hard: { pods: '5' } } } },
  'v1/LimitRange': { body: { spec: { limits: [{ type: 'Container', max: { cpu: '2' } }] } } },
  'coordination.k8s.io/v1/Lease': { body: {}, change: { spec: { holderIdentity: 'me' } } },
  'node.k8s.io/v1/RuntimeClass': { body: { handler: 'h' } },
  'discovery.k8s.io/v1/EndpointSlice': {
    body: { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }] },
  },
  'networking.k8s.io/v1/Ingress': {
    body: { spec: { rules: ingressRules } },
    change: { spec: { ingressClassName: 'x' } },
  },
  'networking.k8s.io/v1beta1/Ingress': { body: { spec: olderSpec }, change: { spec: { rules: [] } } },
  'extensions/v1beta1/Ingress': { body: { spec: olderSpec }, change: { spec: { rules: [] } } },
  'discovery.k8s.io/v1beta1/EndpointSlice': {
    body: {
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'], topology: { 'topology.kubernetes.io/zone': 'z' } }],
    },
  },
  'networking.k8s.io/v1/IngressClass': { body: { spec: { controller: 'example.com/c' } } },
  'networking.k8s.io/v1/NetworkPolicy': {
    body: { spec: { podSelector: selector } },
    change: { spec: { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] } },
  },
  'networking.k8s.io/v1/ServiceCIDR': { body: { spec: { cidrs: ['10.7.0.0/24'] } } },
  'apps/v1/Deployment': { body: { spec: { selector, template } }, change: { spec: { replicas: 3 } } },
  'apps/v1/ReplicaSet': { body: { spec: { selector, template } }, change: { spec: { replicas: 3 } } },
  'apps/v1/StatefulSet': {
    body: {
      spec: {
        selector,
        serviceName: 's',
        template: {
          ...template,
          spec: { containers: [{ ...container, volumeMounts: [{ name: 'd', mountPath: '/d' }] }] },
        },
        volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: claim }],
      },
    },
    change: { spec: { replicas: 3 } },
  },
  'apps/v1/DaemonSet': {
    body: { spec: { selector, template } },
    change: { spec: { minReadySeconds: 3 } },
  },
  'apps/v1/ControllerRevision': { body: { data: { a: 1 }, revision: 1 }, change: { revision: 2 } },
  'batch/v1/Job': { body: { spec: job }, change: { spec: { parallelism: 2 } } },
  'batch/v1/CronJob': {
    body: { spec: { schedule: '*/5 * * * *', jobTemplate: { spec: job } } },
    change: { spec: { suspend: true } },
  },
  'autoscaling/v2/HorizontalPodAutoscaler': {
    body: {
      spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' } },
    },
    change: { spec: { maxReplicas: 4 } },
  },
  'autoscaling/v1/HorizontalPodAutoscaler': {
    body: {
      spec: {
        maxReplicas: 3,
        targetCPUUtilizationPercentage: 50,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' },
      },
    },
    change: { spec: { targetCPUUtilizationPercentage: 60 } },
  },
  'policy/v1/PodDisruptionBudget': {
    body: { spec: { minAvailable: 1, selector } },
    change: { spec: { minAvailable: '50%' } },
  },
  'scheduling.k8s.io/v1/PriorityClass': { body: { value: 1000 }, change: { description: 'x' } },
  'storage.k8s.io/v1/StorageClass': {
    body: { provisioner: 'example.com/p' },
    change: { allowVolumeExpansion: true },
  },
  'storage.k8s.io/v1/VolumeAttributesClass': {
    body: { driverName: 'd.example.com', parameters: { a: 'b' } },
  },
  'storage.k8s.io/v1/VolumeAttachment': {
    body: { spec: { attacher: 'd.example.com', nodeName: 'n', source: { persistentVolumeName: 'v' } } },
  },
  'storage.k8s.io/v1/CSIDriver': { body: { spec: {} }, change: { spec: { storageCapacity: true } } },
  'storage.k8s.io/v1/CSINode': {
    body: { spec: { drivers: [{ name: 'd.example.com', nodeID: 'n', topologyKeys: [] }] } },
  },
  'storage.k8s.io/v1/CSIStorageCapacity': {
    body: { storageClassName: 'c', capacity: '1Gi' },
    change: { capacity: '2Gi' },
  },
  'rbac.authorization.k8s.io/v1/Role': {
    body: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
    change: { rules: [] },
  },
  'rbac.authorization.k8s.io/v1/RoleBinding': {
    body: { roleRef, subjects: [{ kind: 'User', name: 'u' }] },
    change: { subjects: [] },
  },
  'rbac.authorization.k8s.io/v1/ClusterRole': {
    body: { rules: [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }] },
    change: { rules: [] },
  },
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': {
    body: { roleRef, subjects: [{ kind: 'ServiceAccount', namespace: 'default', name: 's' }] },
    change: { subjects: [] },
  },
  'certificates.k8s.io/v1/CertificateSigningRequest': {
    body: { spec: { request, signerName: 'example.com/s', usages: ['client auth'] } },
  },
  'admissionregistration.k8s.io/v1/MutatingWebhookConfiguration': {
    body: { webhooks: [{ ...webhooks[0], rules: [{ ...rule, apiGroups: ['none.example.com'] }] }] },
  },
  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration': {
    body: { webhooks: [{ ...webhooks[0], rules: [{ ...rule, apiGroups: ['none.example.com'] }] }] },
  },
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy': {
    body: {
      spec: {
        matchConstraints: { resourceRules: [{ ...rule, apiGroups: ['none.example.com'] }] },
        validations: [{ expression: 'true' }],
      },
    },
  },
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding': {
    body: { spec: { policyName: 'p', validationActions: ['Deny'] } },
  },
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy': {
    body: {
      spec: {
        matchConstraints: { resourceRules: [{ ...rule, apiGroups: ['none.example.com'] }] },
        mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '[]' } }],
      },
    },
  },
  'admissionregistration.k8s.io/v1/MutatingAdmissionPolicyBinding': {
    body: { spec: { policyName: 'p', matchResources: { matchPolicy: 'Exact' } } },
  },
  'apiextensions.k8s.io/v1/CustomResourceDefinition': {
    name: 'ships.example.com',
    body: {
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'ships', kind: 'Ship' },
        versions: [
          { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
        ],
      },
    },
    change: { spec: { names: { shortNames: ['sh'] } } },
  },
  'apiextensions.k8s.io/v1beta1/CustomResourceDefinition': {
    name: 'boats.example.com',
    body: {
      spec: { group: 'example.com', version: 'v1', names: { plural: 'boats', kind: 'Boat' } },
    },
    change: { spec: { names: { shortNames: ['bo'] } } },
  },
  'apiregistration.k8s.io/v1/APIService': {
    name: 'v1.metrics.example.com',
    body: {
      spec: {
        group: 'metrics.example.com',
        version: 'v1',
        groupPriorityMinimum: 100,
        versionPriority: 10,
        service: { namespace: 'default', name: 'metrics' },
      },
    },
    change: { spec: { versionPriority: 11 } },
  },
};
