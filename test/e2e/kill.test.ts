import t from 'tap';
import { place, until, up } from './orlop.ts';

t.test('kill -9 of the whole thing loses nothing', async (t) => {
  const at = await place(t);
  const first = await up(t, at);
  for (let i = 0; i < 20; i += 1) await first.kubectl.ok(`create configmap kept-${i} --from-literal=i=${i}`);
  await first.kubectl.ok('scale deployment hello --replicas=3');
  const pods = await first.kubectl.ok('get pods -l app=hello -o name');
  await first.kill9();

  const again = await up(t, at);
  t.equal((await again.http('/', 'hello.localhost')).status, 200);
  const kept = await again.kubectl.ok('get configmaps -o name');
  for (let i = 0; i < 20; i += 1) t.match(kept, `configmap/kept-${i}\n`);
  await again.kubectl.ok('rollout status deployment/hello --timeout=60s');
  await until('three pods are ready', 30_000, async () => {
    const ready = await again.kubectl.ok('get deployment hello -o jsonpath={.status.readyReplicas}');
    return ready === '3';
  });
  const after = (await again.kubectl.ok('get pods -l app=hello -o name')).split('\n');
  for (const pod of pods.trim().split('\n')) t.ok(after.includes(pod), `${pod} is still the same pod`);
});
