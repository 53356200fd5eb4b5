import { apiVersionOf } from 'orlop/plugin';
import t from 'tap';
import { standardRows } from '../../../plugins/apiserver/resources/standard.ts';
import type { ResourceRow } from '../../../plugins/apiserver/resources/types.ts';
import { testApi } from './cluster.ts';
import { MANIFESTS } from './manifests.ts';

const rows = standardRows({ serviceCIDR: '10.96.0.0/16', nodePorts: [30_000, 32_767] });
const api = await testApi(t);
const { kubectl, request } = api;

const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
const MERGE = { 'content-type': 'application/merge-patch+json' };

function collectionOf(row: ResourceRow): string {
  const root = row.group === '' ? `/api/${row.version}` : `/apis/${apiVersionOf(row)}`;
  return `${root}${row.namespaced ? '/namespaces/default' : ''}/${row.resource}`;
}

// Others act on these at once, and have tests of their own: an IPAddress that no Service has is taken away, a Plugin is loaded.
const ACTED_ON = ['IPAddress', 'Plugin'];
const kinds = rows.filter(({ source, kind }) => source === 'store' && !ACTED_ON.includes(kind));
for (const row of kinds) {
  const kind = `${apiVersionOf(row)}/${row.kind}`;
  t.test(`${kind} is created, read, listed, changed and deleted`, async (t) => {
    // Events of the newer group and versions by conversion are other names of the same objects.
    const manifest = MANIFESTS[kind] ?? MANIFESTS[`${apiVersionOf(row.storage)}/${row.storage.kind}`];
    if (!manifest) throw new Error(`test/plugins/apiserver/manifests.ts has no ${kind}`);
    const name = manifest.name ?? 'sample';
    const path = collectionOf(row);
    const body = {
      apiVersion: apiVersionOf(row),
      kind: row.kind,
      metadata: { name, labels: { test: 'yes' } },
      ...(kind === 'events.k8s.io/v1/Event'
        ? { regarding: { namespace: 'default' }, reason: 'A' }
        : manifest.body),
    };
    const created = await request('POST', `${path}?fieldValidation=Strict`, body);
    t.equal(created.code, 201, created.text);
    t.match(created.body, {
      apiVersion: apiVersionOf(row),
      kind: row.kind,
      metadata: { name, uid: String, resourceVersion: /^\d+$/, creationTimestamp: /Z$/ },
    });
    const warning = row.deprecation && `299 - "${row.deprecation}"`;
    t.equal(created.headers['warning'], warning);

    const got = await request('GET', `${path}/${name}`);
    t.same(got.body, created.body);
    const again = await request('PUT', `${path}/${name}`, got.body);
    t.equal(again.code, 200, again.text);
    t.equal(again.body.metadata.resourceVersion, got.body.metadata.resourceVersion, 'nothing changed');

    const list = await request(
      'GET',
      `${path}?labelSelector=test%3Dyes&fieldSelector=metadata.name%3D${name}`,
    );
    t.equal(list.body.kind, `${row.kind}List`);
    t.equal(list.body.items.length, 1);
    const table = await request('GET', `${path}?labelSelector=test%3Dyes`, undefined, TABLE);
    t.equal(table.body.kind, 'Table');
    const [cells] = table.body.rows.map((each: { cells: unknown[] }) => each.cells);
    t.equal(cells.length, row.columns.length);
    t.ok(cells.includes(name), 'its name is shown');
    for (const cell of cells) t.notMatch(String(cell), /undefined|NaN|\[object/);

    const change = kind === 'events.k8s.io/v1/Event' ? { reason: 'B' } : (manifest.change ?? {});
    const annotations = { changed: 'yes' };
    const patched = await request(
      'PATCH',
      `${path}/${name}`,
      { metadata: { annotations }, ...change },
      MERGE,
    );
    t.equal(patched.code, 200, patched.text);
    t.match(patched.body.metadata.annotations, annotations);
    const { generation } = created.body.metadata;
    const raised = 'spec' in change ? 1 : 0;
    if (generation !== undefined) t.equal(patched.body.metadata.generation, generation + raised);

    if (row.subresources.some((each) => each.name === 'status')) {
      const status = await request('PUT', `${path}/${name}/status`, patched.body);
      t.equal(status.code, 200, status.text);
    }
    const deleted = await request('DELETE', `${path}/${name}`, { gracePeriodSeconds: 0 });
    t.equal(deleted.code, 200, deleted.text);
    if (row.kind !== 'Namespace') t.equal((await request('GET', `${path}/${name}`)).code, 404);
  });
}

t.test('a Job selects its own pods by its uid', async (t) => {
  const { body } = MANIFESTS['batch/v1/Job']!;
  const made = await request('POST', '/apis/batch/v1/namespaces/default/jobs', {
    metadata: { name: 'pi' },
    ...body,
  });
  const { uid } = made.body.metadata;
  t.match(made.body.spec, {
    selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } },
    template: { metadata: { labels: { 'controller-uid': uid, 'job-name': 'pi' } } },
    backoffLimit: 6,
    completions: 1,
  });
  const manifest = JSON.stringify({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'pi' }, ...body });
  t.match(await kubectl.ok('apply -f -', manifest), 'job.batch/pi configured');
  t.match(await kubectl.ok('get job pi -o wide'), /pi +Running +0\/1 +\d*s? +.*c +nginx:1\.14\.2 +batch/);
});

t.test('the scale of a StatefulSet is read and set', async (t) => {
  const { body } = MANIFESTS['apps/v1/StatefulSet']!;
  const manifest = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db' }, ...body };
  t.match(await kubectl.ok('create -f -', JSON.stringify(manifest)), 'statefulset.apps/db created');
  t.match(await kubectl.ok('scale sts db --replicas 4'), 'scaled');
  t.match(await kubectl.ok('get sts db'), /db +0\/4/);
  t.match(await kubectl.ok('explain statefulset.spec.serviceName'), /FIELD: serviceName <string>/);
  t.match(await kubectl.ok('describe sts db'), /StorageClass:[\s\S]*Capacity: +1Gi/);
});

t.test('an autoscaler is the same object in both versions', async (t) => {
  await kubectl.ok('create deployment web --image=nginx');
  t.match(
    await kubectl.ok('autoscale deployment web --min 2 --max 5 --cpu 70%'),
    'horizontalpodautoscaler.autoscaling/web autoscaled',
  );
  t.match(await kubectl.ok('get hpa web'), /Deployment\/web +cpu: <unknown>\/70% +2 +5 +0/);
  const v1 = await request('GET', '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/web');
  t.match(v1.body, { apiVersion: 'autoscaling/v1', spec: { targetCPUUtilizationPercentage: 70 } });
  t.equal(v1.body.spec.metrics, undefined);
});

t.test('kubectl makes what it has commands for', async (t) => {
  const commands: [command: string, printed: RegExp][] = [
    ['create cronjob tick --image=busybox --schedule=*/5_*_*_*_*', /cronjob.batch\/tick created/],
    ['create job once --image=busybox', /job.batch\/once created/],
    ['create role reader --verb=get --resource=pods', /role.*\/reader created/],
    ['create rolebinding r --role=reader --user=me', /rolebinding.*\/r created/],
    ['create clusterrole cr --verb=get --resource=nodes', /clusterrole.*\/cr created/],
    ['create clusterrolebinding crb --clusterrole=cr --group=g', /clusterrolebinding.*\/crb created/],
    ['create quota q --hard=pods=3', /resourcequota\/q created/],
    ['create pdb p --selector=app=a --min-available=1', /poddisruptionbudget.policy\/p created/],
    ['create priorityclass high --value=1000', /priorityclass.*\/high created/],
    ['get cj tick', /tick +\*\/5 \* \* \* \* +<none> +False +0 +<none>/],
    ['get rolebinding r -o wide', /Role\/reader +\S+ +me/],
    ['get quota q', /pods: 0\/3/],
    ['get pdb p', /p +1 +N\/A +0/],
    ['get pc high', /high +1000 +false +\S+ +PreemptLowerPriority/],
    ['describe role reader', /pods +\[\] +\[\] +\[get\]/],
  ];
  for (const [command, printed] of commands) {
    const words = command.split(' ').map((word) => word.replaceAll('_', ' '));
    t.match(await kubectl.ok(words), printed, command);
  }
});

t.test('a certificate request is approved once', async (t) => {
  const { body } = MANIFESTS['certificates.k8s.io/v1/CertificateSigningRequest']!;
  const manifest = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'me' },
    ...body,
  };
  await kubectl.ok('create -f -', JSON.stringify(manifest));
  t.match(await kubectl.ok('get csr me'), /me +\S+ +example\.com\/s +admin +<none> +Pending/);
  t.match(await kubectl.ok('certificate approve me'), 'approved');
  t.match(await kubectl.ok('get csr me'), /Approved/);
  const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests/me';
  const approved = (await request('GET', path)).body;
  const [approval] = approved.status.conditions;
  const withConditions = (conditions: object[]) => ({ ...approved, status: { conditions } });
  const denied = withConditions([approval, { ...approval, type: 'Denied' }]);
  const refused = await request('PUT', `${path}/approval`, denied);
  t.equal(refused.code, 422);
  t.match(refused.body.message, 'Approved and Denied conditions are mutually exclusive');
  const withdrawn = await request('PUT', `${path}/status`, withConditions([]));
  t.match(withdrawn.body.message, 'updates may not remove a condition of type "Approved"');
});

t.test('older versions are other names of the same objects', async (t) => {
  const { body } = MANIFESTS['extensions/v1beta1/Ingress']!;
  const manifest = { apiVersion: 'extensions/v1beta1', kind: 'Ingress', metadata: { name: 'old' }, ...body };
  t.match(await kubectl.ok('create -f -', JSON.stringify(manifest)), 'ingress.extensions/old created');
  const newer = await request('GET', '/apis/networking.k8s.io/v1/namespaces/default/ingresses/old');
  const service = { name: 'a', port: { number: 80 } };
  t.match(newer.body, {
    apiVersion: 'networking.k8s.io/v1',
    spec: {
      defaultBackend: { service },
      rules: [{ http: { paths: [{ path: '/', pathType: 'ImplementationSpecific', backend: { service } }] } }],
    },
  });
  const older = {
    apiVersion: 'apiextensions.k8s.io/v1beta1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'rafts.example.com' },
    spec: {
      group: 'example.com',
      names: { plural: 'rafts', kind: 'Raft' },
      validation: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object' } } } },
      subresources: { status: {} },
      additionalPrinterColumns: [{ name: 'Crew', type: 'integer', JSONPath: '.spec.crew' }],
      versions: [
        { name: 'v2', served: true, storage: true },
        { name: 'v1', served: true, storage: false },
      ],
      conversion: { strategy: 'Webhook', webhookClientConfig: { url: 'https://a.example/' } },
    },
  };
  t.match(await kubectl.ok('create -f -', JSON.stringify(older)), /rafts\.example\.com created/);
  const definition = await request(
    'GET',
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/rafts.example.com',
  );
  const ofEach = {
    schema: older.spec.validation,
    subresources: { status: {} },
    additionalPrinterColumns: [{ name: 'Crew', type: 'integer', jsonPath: '.spec.crew', priority: 0 }],
  };
  t.match(definition.body, {
    apiVersion: 'apiextensions.k8s.io/v1',
    spec: {
      scope: 'Namespaced',
      preserveUnknownFields: true,
      versions: [
        { name: 'v2', ...ofEach },
        { name: 'v1', ...ofEach },
      ],
      conversion: {
        strategy: 'Webhook',
        webhook: { clientConfig: { url: 'https://a.example/' }, conversionReviewVersions: ['v1beta1'] },
      },
    },
  });
  const again = await request(
    'GET',
    '/apis/apiextensions.k8s.io/v1beta1/customresourcedefinitions/rafts.example.com',
  );
  t.match(again.body.spec, {
    ...older.spec,
    version: 'v2',
    additionalPrinterColumns: [{ JSONPath: '.spec.crew' }],
  });
  t.match(
    await kubectl.ok('apply -f -', JSON.stringify(older).replace('.spec.crew', '.spec.size')),
    /rafts\.example\.com configured/,
  );
  const versions = await request('GET', '/apis/batch');
  t.equal(versions.body.preferredVersion.version, 'v1');
  t.match(await kubectl.ok('get cronjobs.v1beta1.batch tick -o jsonpath={.apiVersion}'), 'batch/v1beta1');
});

t.test('who a token is and what somebody may do is answered', async (t) => {
  const ask = async (group: string, kind: string, spec: object, namespace = '') => {
    const path = `/apis/${group}/v1${namespace && `/namespaces/${namespace}`}/${kind.toLowerCase()}s`;
    return request('POST', path, { apiVersion: `${group}/v1`, kind, spec });
  };
  const resourceAttributes = { verb: 'get', resource: 'pods', namespace: 'default' };
  const groups = ['system:authenticated'];
  const authorization = 'authorization.k8s.io';
  const masters = { user: 'a', groups: ['system:masters'], resourceAttributes };
  const may = await ask(authorization, 'SubjectAccessReview', masters);
  t.match(may.body, { status: { allowed: true } });
  const mayNot = await ask(authorization, 'SubjectAccessReview', { user: 'a', groups, resourceAttributes });
  t.match(mayNot.body, { status: { allowed: false } });
  const elsewhere = await ask(
    authorization,
    'LocalSubjectAccessReview',
    { user: 'a', resourceAttributes },
    'kube-system',
  );
  t.match(elsewhere.body, { code: 422, message: /resourceAttributes\.namespace: Invalid value: "default"/ });
  const nobody = await ask('authentication.k8s.io', 'TokenReview', { token: 'x' });
  t.match(nobody.body, { status: { authenticated: false } });
});
