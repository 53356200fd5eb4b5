/** What `orlop plugin new` writes in a cluster that runs. */
import t from 'tap';
import { apiClient } from '../../plugins/cli/client.ts';
import { readKubeconfig } from '../../plugins/cli/kubeconfig.ts';
import { copiedKinds } from '../../plugins/cli/plugin/copies.ts';
import { placeOf } from '../../plugins/cli/plugin/dev.ts';
import { findModule, load, snapshot } from '../../plugins/cli/plugin/module.ts';
import { skeletonKinds } from '../../plugins/cli/plugin/skeleton.ts';
import { applyPlugin } from '../../plugins/cli/plugin/swap.ts';
import type { Kubectl } from '../kubectl.ts';
import { place, until, up } from './orlop.ts';
import { folder, skeletons } from './skeletons.ts';

t.test('a cluster takes each in, and gets on without it', async (t) => {
  const { place: at, kubectl, http } = await up(t, await place(t), '--no-hello');
  await kubectl.ok('create ingress hello --rule=hello.localhost/*=hello:80');
  const client = apiClient(readKubeconfig(at.data));
  t.teardown(() => client.close());
  for (const [kind, path] of skeletons(folder(t), [...skeletonKinds(), ...copiedKinds()])) {
    const lines: string[] = [];
    const declaration = await load(path);
    const name = await placeOf(declaration);
    const module = snapshot(findModule(path)!);
    const before = kind === 'tokens.v1' ? await kubectl.ok('create token default') : '';
    const isRunning = await applyPlugin(client, name, { module }, (line) => lines.push(line));
    t.ok(isRunning, `${kind} as ${name}: ${lines.join('\n')}`);
    if (kind === 'admission.v1') {
      const refused = await kubectl('create configmap a');
      t.match(refused, {
        code: 1,
        stderr: /plugin "my-admission" denied the request: .* without the label "team"/,
      });
    }
    // It listens where the cluster was told to, and serves what the standard one did; there is no such Service.
    for (const [host, status] of kind === 'ingress.v1' ? ANSWERS : [])
      t.equal((await http('/', host)).status, status, host);
    const tokens = before === '' ? [] : [before, await kubectl.ok('create token default')];
    for (const token of tokens) t.equal(await whose(kubectl, token), DEFAULT_ACCOUNT);
    await kubectl.ok(['delete', 'plugin', name]);
    if (name.startsWith('my-')) continue;
    await until(`the standard ${name} is back`, 20_000, async () => {
      const shown = await kubectl([
        'get',
        'plugin',
        name,
        '-o',
        'jsonpath={.status.phase} {.status.provides}',
      ]);
      return shown.stdout.startsWith('Running') && !/my-/.test(shown.stdout);
    });
    for (const token of tokens) t.equal(await whose(kubectl, token), DEFAULT_ACCOUNT);
  }
});

const ANSWERS = [
  ['hello.localhost', 503],
  ['other.localhost', 404],
] as const;
const DEFAULT_ACCOUNT = 'system:serviceaccount:default:default';

async function whose(kubectl: Kubectl, token: string): Promise<string> {
  const about = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: { name: 'a' } };
  const review = JSON.stringify({ ...about, spec: { token: token.trim() } });
  return await kubectl.ok(['create', '-f', '-', '-o', 'jsonpath={.status.user.username}'], review);
}
