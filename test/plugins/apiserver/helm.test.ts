import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { apiVersionOf } from 'orlop/plugin';
import t from 'tap';
import { standardRows } from '../../../plugins/apiserver/resources/standard.ts';
import { helmPath, RELEASES } from '../../kubectl.ts';
import { testdir } from '../../testdir.ts';
import { testApi } from './cluster.ts';
import { MANIFESTS } from './manifests.ts';

/** What charts are made of. */
const KINDS = [
  'v1/ConfigMap',
  'v1/Secret',
  'v1/Service',
  'v1/ServiceAccount',
  'v1/PersistentVolumeClaim',
  'v1/ResourceQuota',
  'v1/LimitRange',
  'apps/v1/Deployment',
  'apps/v1/DaemonSet',
  'batch/v1/CronJob',
  'autoscaling/v2/HorizontalPodAutoscaler',
  'policy/v1/PodDisruptionBudget',
  'networking.k8s.io/v1/Ingress',
  'networking.k8s.io/v1/NetworkPolicy',
  'rbac.authorization.k8s.io/v1/Role',
  'rbac.authorization.k8s.io/v1/RoleBinding',
  'rbac.authorization.k8s.io/v1/ClusterRole',
  'storage.k8s.io/v1/StorageClass',
  'scheduling.k8s.io/v1/PriorityClass',
  'admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration',
];

const rows = standardRows({ serviceCIDR: '10.96.0.0/16', nodePorts: [30_000, 32_767] });
const files = KINDS.map((kind) => {
  const row = rows.find((each) => `${apiVersionOf(each)}/${each.kind}` === kind)!;
  const metadata = { name: '{{ .Release.Name }}', labels: { chart: 'all' } };
  const object = { apiVersion: apiVersionOf(row), kind: row.kind, metadata, ...MANIFESTS[kind]!.body };
  return [`${row.resource}.yaml`, JSON.stringify(object)] as const;
});
const statefulSet = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: '{{ .Release.Name }}', labels: { chart: 'all' } },
  ...MANIFESTS['apps/v1/StatefulSet']!.body,
};
const chart = testdir(t, {
  'Chart.yaml': JSON.stringify({ apiVersion: 'v2', name: 'all', version: '0.1.0' }),
  'values.yaml': 'replicas: 2\n',
  templates: {
    ...Object.fromEntries(files),
    // A number, so its template is no JSON.
    'statefulsets.yaml': JSON.stringify(statefulSet).replace(
      '"serviceName"',
      '"replicas": {{ .Values.replicas }}, "serviceName"',
    ),
  },
});

const { kubeconfig, kubectl } = await testApi(t);

for (const release of RELEASES) {
  const helm = async (...args: string[]): Promise<string> => {
    const home = `${kubeconfig}.helm${release}`;
    const env = {
      ...process.env,
      KUBECONFIG: kubeconfig,
      HELM_CACHE_HOME: home,
      HELM_CONFIG_HOME: home,
      HELM_DATA_HOME: home,
    };
    const { stdout } = await promisify(execFile)(helmPath(release), args, { env });
    return stdout;
  };
  const version = await helm('version', '--short');

  t.test(
    `Helm ${version.trim()} installs, upgrades, rolls back and uninstalls a chart of many kinds`,
    async (t) => {
      t.match(version, release === '1.32' ? /^v3\./ : /^v4\./);
      t.match(await helm('install', 'web', chart), /STATUS: deployed[\s\S]*REVISION: 1/);
      const shown = await kubectl.ok([
        'get',
        'sts,ds,cj,hpa,pdb,ing,netpol,role,rolebinding,clusterrole,pvc,sc,pc,quota,limits',
        '-l',
        'chart=all',
        '-o',
        'name',
      ]);
      t.equal(shown.trim().split('\n').length, 15, shown);
      t.match(await helm('upgrade', 'web', chart, '--set', 'replicas=3'), /REVISION: 2/);
      t.match(await kubectl.ok('get statefulset web'), /web +0\/3/);
      t.match(await helm('rollback', 'web', '1'), /Rollback was a success/);
      t.match(await kubectl.ok('get statefulset web'), /web +0\/2/);
      t.match(await helm('list'), /web\s+default\s+3\s.*deployed/);
      t.match(await helm('uninstall', 'web'), /uninstalled/);
      t.match((await kubectl('get sts,role,sc -l chart=all')).stderr, 'No resources found');
    },
  );
}
