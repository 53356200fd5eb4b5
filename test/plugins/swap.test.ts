/** The control plane as it is shipped, each of its plugins replaced while it runs. */
import https from 'node:https';
import { ApiServer, CertificateAuthority } from 'orlop/plugin';
import t from 'tap';
import { loadPlugin } from '../../kernel/host/declaration.ts';
import { standardPlugins } from '../../plugins/standard.ts';
import { testKernel } from '../cluster.ts';

const ADMIN = 'a-token-of-this-test-only';

t.test('every plugin of the control plane swaps while requests go on', async (t) => {
  const configs: Record<string, object> = {
    apiserver: { port: 0, address: '127.0.0.1' },
    auth: { adminToken: ADMIN },
  };
  const entries = await Promise.all(
    standardPlugins(['server']).map(async ({ module }) => {
      const { declaration } = await loadPlugin({ module });
      return [declaration.name, { module, config: configs[declaration.name] ?? {} }] as const;
    }),
  );
  const kernel = await testKernel(t, { plugins: entries.map(([, entry]) => entry) });
  const { port } = kernel.service(ApiServer);
  const ca = kernel.service(CertificateAuthority).certificate;
  const ask = (): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${ADMIN}` };
      https
        .get(
          { host: '127.0.0.1', port, path: '/api/v1/namespaces', ca, headers, agent: false },
          (response) => {
            response.resume();
            response.on('end', () => resolve(response.statusCode));
            response.on('error', reject);
          },
        )
        .on('error', reject);
    });
  let swapping = true;
  const answers = new Map<number | undefined, number>();
  const load = Array.from({ length: 2 }, async () => {
    while (swapping) {
      const status = await ask();
      answers.set(status, (answers.get(status) ?? 0) + 1);
    }
  });
  for (const [name, entry] of entries) {
    for (let i = 0; i < 2; i++) {
      await kernel.swap(name, entry);
      if ((await ask()) !== 200) t.fail(`no answer after the swap of ${name}`);
    }
  }
  swapping = false;
  await Promise.all(load);
  t.same([...answers.keys()], [200], 'no request failed');
  for (const { name, phase, revision, healthy } of kernel.plugins()) {
    t.match({ phase, revision, healthy }, { phase: 'Running', revision: 3, healthy: true }, name);
  }
});
