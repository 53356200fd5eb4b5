import type { Checks } from '../checks.ts';
import type { Api } from './client.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
/** Of every Kubernetes. */
const GROUPS = ['apps', 'authentication.k8s.io', 'authorization.k8s.io', 'batch', 'networking.k8s.io'];

interface ResourceList {
  groupVersion: string;
  resources: { name: string; verbs: string[]; namespaced: boolean; kind: string }[];
}

/** How clients find out what there is. */
export async function discoveryConformance(t: Checks, api: Api): Promise<void> {
  t.match(
    (await api.get('/version')).body,
    { major: /^\d+$/, minor: /^\d+/, gitVersion: /^v\d/ },
    '/version',
  );
  for (const path of ['/healthz', '/livez', '/readyz']) {
    t.match(await api.get(path, '*/*'), { code: 200, body: 'ok' }, path);
  }
  const { body: legacy } = await api.get('/api');
  t.match(legacy, { kind: 'APIVersions', versions: ['v1'] }, '/api');
  const { body: all } = await api.get('/apis');
  t.match(all, { kind: 'APIGroupList', apiVersion: 'v1' }, '/apis');
  const groups = all.groups as { name: string; versions: { groupVersion: string }[] }[];
  const names = groups.map(({ name }) => name);
  for (const group of GROUPS) t.ok(names.includes(group), `the group ${group}`);
  t.match((await api.get('/apis/apps')).body, { kind: 'APIGroup', name: 'apps' }, 'each group');
  const versions = groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion));
  const found = await Promise.all(versions.map((version) => api.get(`/apis/${version}`)));
  t.same(
    found.map(({ body }) => (body as ResourceList).groupVersion),
    versions,
    'each version of each group lists its resources',
  );
  const { body: core } = (await api.get('/api/v1')) as { body: ResourceList };
  t.match(core, { kind: 'APIResourceList', groupVersion: 'v1' }, '/api/v1');
  const configMaps = core.resources.find(({ name }) => name === 'configmaps');
  t.match(configMaps, { kind: 'ConfigMap', namespaced: true, shortNames: ['cm'] }, 'ConfigMaps among them');
  t.same([...(configMaps?.verbs ?? [])].sort(), VERBS, 'with what can be done with them');
  t.equal(core.resources.find(({ name }) => name === 'namespaces')?.namespaced, false, 'and Namespaces');

  const { body: aggregated, headers } = await api.get('/apis', `${AGGREGATED},application/json`);
  t.match(
    headers['content-type'],
    /as=APIGroupDiscoveryList/,
    'all of it at once, for those who can read that',
  );
  t.same(
    (aggregated.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name).sort(),
    [...names].sort(),
    'which is the same',
  );

  const { body: openapi } = await api.get('/openapi/v3');
  const url: string = openapi.paths['api/v1']?.serverRelativeURL ?? '/';
  const { body: document } = await api.get(url);
  t.match(document, { openapi: /^3\./ }, '/openapi/v3');
  const schema = document.components?.schemas?.['io.k8s.api.core.v1.ConfigMap'];
  t.match(
    schema,
    { 'x-kubernetes-group-version-kind': [{ group: '', kind: 'ConfigMap', version: 'v1' }] },
    'with the schema of each kind',
  );
  t.match((await api.get('/openapi/v2')).body, { swagger: '2.0' }, '/openapi/v2');
  t.match(await api.get('/apis/there.is.none/v1'), { code: 404 }, 'what there is not is not found');
}
