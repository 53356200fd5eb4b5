import t from 'tap';
import { kubectl, RELEASES } from '../../kubectl.ts';
import { testApi } from './cluster.ts';

const { request, kubeconfig } = await testApi(t);
const PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

interface Operation {
  operationId: string;
  parameters: { in: string; name: string }[];
}
type Item = Record<string, Operation> & { parameters: Operation['parameters'] };

t.test('/openapi/v2 is a whole Swagger document', async (t) => {
  const { code, headers, body } = await request('GET', '/openapi/v2');
  t.match(
    { code, type: headers['content-type'], body },
    { code: 200, type: 'application/json', body: { swagger: '2.0', info: { version: /^v1\.\d+\.0$/ } } },
  );
  t.match(body, { securityDefinitions: { BearerToken: { in: 'header' } }, security: [{ BearerToken: [] }] });
  const { paths, definitions } = body as { paths: Record<string, Item>; definitions: object };
  const references = [...JSON.stringify(body).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to!);
  t.same(
    [...new Set(references)].filter((to) => !Object.hasOwn(definitions, to.replace('#/definitions/', ''))),
    [],
    'every reference leads somewhere',
  );
  const ids: string[] = [];
  for (const [path, { parameters, ...operations }] of Object.entries(paths)) {
    const declared = parameters.filter((each) => each.in === 'path').map(({ name }) => name);
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
    if (declared.sort().join() !== named.sort().join()) t.fail(`${path} declares ${declared.join()}`);
    ids.push(...Object.values(operations).map(({ operationId }) => operationId));
  }
  t.equal(new Set(ids).size, ids.length, 'every operation has its own id');
  for (const id of [
    'listCoreV1NamespacedPod',
    'listCoreV1PodForAllNamespaces',
    'readCoreV1NamespacedPodLog',
    'connectCoreV1GetNamespacedPodExec',
    'patchAppsV1NamespacedDeploymentScale',
    'replaceCoreV1NodeStatus',
    'deleteRbacAuthorizationV1CollectionClusterRole',
    'createOrlopDevV1Plugin',
  ]) {
    t.ok(ids.includes(id), id);
  }
  t.match(body.definitions['io.k8s.api.core.v1.PodSpec'].properties.containers, {
    type: 'array',
    items: { $ref: '#/definitions/io.k8s.api.core.v1.Container' },
    'x-kubernetes-patch-merge-key': 'name',
    'x-kubernetes-patch-strategy': 'merge',
  });
  t.match(body.definitions['io.k8s.api.apps.v1.Deployment'], {
    properties: { spec: { $ref: '#/definitions/io.k8s.api.apps.v1.DeploymentSpec' } },
    'x-kubernetes-group-version-kind': [{ group: 'apps', version: 'v1', kind: 'Deployment' }],
  });
  t.match(body.definitions['io.k8s.apimachinery.pkg.util.intstr.IntOrString'], {
    type: 'string',
    format: 'int-or-string',
  });
});

t.test('it is made once, in the form that is asked for', async (t) => {
  const json = await request('GET', '/openapi/v2', undefined, { accept: 'application/json, */*' });
  const etag = json.headers.etag!;
  t.match(etag, /^"[0-9A-F]{128}"$/);
  const again = await request('GET', '/openapi/v2', undefined, { 'if-none-match': etag });
  t.match(again, { code: 304, text: '' });
  const protobuf = await request('GET', '/openapi/v2', undefined, { accept: PROTOBUF });
  t.match(protobuf, { code: 200, headers: { 'content-type': PROTOBUF.replace('@', '.'), vary: 'Accept' } });
  t.not(protobuf.headers.etag, etag);
  t.equal(
    (
      await request('GET', '/openapi/v2', undefined, {
        accept: PROTOBUF,
        'if-none-match': protobuf.headers.etag!,
      })
    ).code,
    304,
  );
  t.match(await request('GET', '/openapi/v2', undefined, { accept: 'text/plain' }), {
    code: 406,
    body: { reason: 'NotAcceptable' },
  });
});

for (const release of RELEASES) {
  t.test(`kubectl ${release} explains from v2 and from v3`, async (t) => {
    const run = kubectl(kubeconfig, release);
    for (const output of ['plaintext', 'plaintext-openapiv2']) {
      const explain = (what: string): Promise<string> => run.ok(`explain ${what} --output=${output}`);
      t.match(
        await explain('pods.spec.containers'),
        /imagePullPolicy[\s\S]*volumeMounts\t<\[\](Object|VolumeMount)>/,
      );
      t.match(await explain('deployment.spec.replicas'), /replicas <integer>[\s\S]*Number of desired pods/);
      t.match(await explain('deployment.spec --recursive'), /maxSurge\t<(string|IntOrString)>/);
      t.match(await explain('ingress.spec.rules --api-version=extensions/v1beta1'), /http\t</);
      const spec = await explain('plugins.spec');
      t.match(spec, /module\t<string>[\s\S]*placement\t<(Object|PluginPlacement)>/);
      t.notMatch(spec, /<no description>/);
      t.match(await explain('plugins.status'), /lastError\t<string>/);
    }
  });
}
