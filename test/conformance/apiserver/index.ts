import type { ApiServer, ObjectClient } from 'orlop/plugin';
import type { Checks } from '../checks.ts';
import { accessConformance } from './access.ts';
import { Api, type ApiCredential } from './client.ts';
import { deletionConformance } from './deletion.ts';
import { discoveryConformance } from './discovery.ts';
import { listsConformance } from './lists.ts';
import { NAMESPACE, type Served } from './manifests.ts';
import { objectsConformance } from './objects.ts';
import { patchesConformance } from './patches.ts';
import { watchesConformance } from './watches.ts';

export type { ApiCredential } from './client.ts';

export interface ApiServerFixture {
  server: ApiServer;
  /** The certificate of the CA that signed the server's: PEM. */
  ca: string;
  /** Somebody who may do everything. */
  admin: ApiCredential;
  /** Somebody who is known and may do nothing. */
  nobody: ApiCredential;
  /** The store that it serves. */
  objects: ObjectClient;
}

/**
 * The suite every plugin of kind `apiserver.v1` passes: what kubectl, Helm and client libraries count on whatever they do. That a
 * CustomResourceDefinition makes its resource served is not part of it, nor is what needs a node: logs, exec, port-forward.
 */
export async function apiServerConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<ApiServerFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to apiserver.v1`, async (t) => {
    const { server, ca, admin, nobody, objects } = await make(t);
    t.equal(new URL(server.url).protocol, 'https:', 'it serves over TLS');
    t.equal(new URL(server.url).port, String(server.port), 'at the port it says');
    const as = (credential: ApiCredential): Api => {
      const api = new Api(server.url, ca, credential);
      t.teardown(() => api.close());
      return api;
    };
    const api = as(admin);
    const made = await api.post('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
    t.match(
      made,
      { code: 201, body: { kind: 'Namespace', status: { phase: 'Active' } } },
      'a namespace is made',
    );
    const served: Served = { api, objects };
    await t.test('discovery', (t) => discoveryConformance(t, api));
    await t.test('objects', (t) => objectsConformance(t, served));
    await t.test('lists', (t) => listsConformance(t, api));
    await t.test('watches', (t) => watchesConformance(t, served));
    await t.test('patches', (t) => patchesConformance(t, api));
    await t.test('deletion', (t) => deletionConformance(t, served));
    await t.test('access', (t) => accessConformance(t, { admin: api, nobody: as(nobody), as }));
  });
}
