/** `kubectl top` of pods that really compute: a WebAssembly component and a container. */
import t from 'tap';
import { ensureImages } from '../images.ts';
import { place, until, up } from './orlop.ts';

const BUSY = `
apiVersion: v1
kind: Pod
metadata: { name: busy }
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: busybox:1.36
    command: [sh, -c, "while true; do :; done"]
    resources: { limits: { cpu: 300m } }
`;

t.test('kubectl top', { timeout: 180_000 }, async (t) => {
  await ensureImages('busybox:1.36');
  const { kubectl } = await up(t, await place(t));
  await kubectl.ok('apply -f -', BUSY);
  await kubectl.ok('wait --for=condition=Ready pod --all --timeout=60s');
  await until('every pod is measured', 30_000, async () => {
    const { stdout } = await kubectl('top pods --no-headers');
    return stdout.trim().split('\n').length === 3;
  });
  const pods = await kubectl.ok('top pods');
  const busy = /^busy +(\d+)m +(\d+)Mi/m.exec(pods);
  // The engine holds it to its limit; a loaded machine may give it less.
  t.ok(busy && Number(busy[1]) > 20 && Number(busy[1]) < 600, pods);
  const hello = [...pods.matchAll(/^hello-\S+ +(\d+)m +(\d+)Mi/gm)];
  t.equal(hello.length, 2, pods);
  for (const [line, cpu, memory] of hello) {
    t.ok(Number(cpu) < 100, line);
    t.ok(Number(memory) >= 2 && Number(memory) < 100, line);
  }
  const [, cores, percent, mebibytes] =
    /^node-1 +(\d+)m +(\d+)% +(\d+)Mi/m.exec(await kubectl.ok('top nodes')) ?? [];
  t.ok(Number(cores) > 0 && Number(percent) >= 0 && Number(mebibytes) > 50, 'the node, too');
});
