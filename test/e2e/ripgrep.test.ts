/** A WASM program that nobody here wrote: ripgrep, as a command component that searches a mounted ConfigMap. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ripgrepModule } from '../ripgrep.ts';
import { place, up } from './orlop.ts';

t.test('ripgrep searches a ConfigMap and exits 0', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-rg-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const image = await ripgrepModule(folder);
  const { kubectl } = await up(t, await place(t), '--no-hello');

  await kubectl.ok([
    'create',
    'configmap',
    'poem',
    '--from-literal=sea.txt=the lowest deck\nof a ship\nis the orlop\n',
  ]);
  await kubectl.ok('apply -f -', pod('found', image, 'orlop'));
  await kubectl.ok('wait --for=jsonpath={.status.phase}=Succeeded pod/found --timeout=60s');
  t.match(await kubectl.ok('logs found'), /is the orlop/);
  t.match(await kubectl.ok('get pod found'), /found +0\/1 +Completed/);
  t.equal(
    await kubectl.ok('get pod found -o jsonpath={.status.containerStatuses[0].state.terminated.exitCode}'),
    '0',
  );

  await kubectl.ok('apply -f -', pod('missing', image, 'keelhaul'));
  await kubectl.ok('wait --for=jsonpath={.status.phase}=Failed pod/missing --timeout=60s');
  t.match(await kubectl.ok('get pod missing'), /missing +0\/1 +Error/);
});

/** The file is named: a volume's files are symbolic links, as in Kubernetes, and ripgrep follows those only when they are. */
function pod(name: string, image: string, pattern: string): string {
  return `
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
spec:
  runtimeClassName: wasm
  restartPolicy: Never
  containers:
  - name: rg
    image: ${image}
    args: ["${pattern}", "/poem/sea.txt"]
    volumeMounts:
    - name: poem
      mountPath: /poem
  volumes:
  - name: poem
    configMap:
      name: poem
`;
}
