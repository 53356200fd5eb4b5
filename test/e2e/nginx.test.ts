/** The Kubernetes documentation's nginx Deployment, image name unchanged, as its tutorials use it. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ensureImages, runningContainers } from '../images.ts';
import { load } from './load.ts';
import { place, until, up } from './orlop.ts';

/** https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ */
const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: nginx-deployment
  labels:
    app: nginx
spec:
  replicas: 3
  selector:
    matchLabels:
      app: nginx
  template:
    metadata:
      labels:
        app: nginx
    spec:
      containers:
      - name: nginx
        image: nginx:1.14.2
        ports:
        - containerPort: 80
`;

t.test('expose, scale, roll and kill nginx without a failed request', async (t) => {
  await ensureImages('nginx:1.14.2', 'nginx:1.16.1');
  const { kubectl, http, stop, place: at } = await up(t, await place(t), '--no-hello');

  t.match(await kubectl.ok('apply -f -', DEPLOYMENT), 'deployment.apps/nginx-deployment created');
  await kubectl.ok('rollout status deployment/nginx-deployment --timeout=120s');
  await kubectl.ok('expose deployment nginx-deployment --port=80');
  await kubectl.ok(['create', 'ingress', 'nginx', '--rule=nginx.localhost/*=nginx-deployment:80']);
  await until('nginx answers', 30_000, async () => (await http('/', 'nginx.localhost')).status === 200);
  t.match((await http('/', 'nginx.localhost')).body, /nginx/i);

  const service = await kubectl.ok('get service nginx-deployment -o jsonpath={.spec.clusterIP}');
  t.match(service, /^10\.96\.\d+\.\d+$/);
  const requests = load({ port: at.ports.http, path: '/', host: 'nginx.localhost' });

  await kubectl.ok('scale deployment/nginx-deployment --replicas=1');
  await kubectl.ok('wait --for=jsonpath={.status.readyReplicas}=1 deployment/nginx-deployment --timeout=60s');
  await kubectl.ok('scale deployment/nginx-deployment --replicas=5');
  await kubectl.ok('rollout status deployment/nginx-deployment --timeout=120s');
  t.equal((await kubectl.ok('get pods -l app=nginx -o name')).trim().split('\n').length, 5);

  await kubectl.ok('set image deployment/nginx-deployment nginx=nginx:1.16.1');
  t.match(
    await kubectl.ok('rollout status deployment/nginx-deployment --timeout=120s'),
    /successfully rolled out/,
  );
  const images = await kubectl.ok('get pods -l app=nginx -o jsonpath={.items[*].spec.containers[0].image}');
  t.match(images, /nginx:1\.16\.1/);
  t.match(await kubectl.ok('rollout history deployment/nginx-deployment'), /^2 /m);

  const [victim, ip] = (
    await kubectl.ok(
      'get pods -l app=nginx --sort-by=.metadata.creationTimestamp -o jsonpath={.items[-1:].metadata.name}\t{.items[-1:].status.podIP}',
    )
  ).split('\t');
  t.match(ip, /^\d+\.\d+\.\d+\.\d+$/);
  await kubectl.ok(`delete pod ${victim} --now`);
  await kubectl.ok('rollout status deployment/nginx-deployment --timeout=60s');
  await kubectl.ok('wait --for=condition=Available deployment/nginx-deployment --timeout=60s');
  const ips = await kubectl.ok('get pods -l app=nginx -o jsonpath={.items[*].status.podIP}');
  t.notOk(ips.split(' ').includes(ip!), 'the new pod has an address of its own');
  t.equal(await kubectl.ok('get service nginx-deployment -o jsonpath={.spec.clusterIP}'), service);

  const { ok, failures } = await requests.stop();
  t.same(failures, [], `${ok} requests succeeded`);
  t.ok(ok > 100, `${ok} requests`);

  const instance = readFileSync(join(at.data, 'kernel-id'), 'utf8').trim();
  t.ok((await runningContainers(instance)).length >= 10, 'five pods, each with its sandbox');
  t.equal(await stop(), 0);
  t.same(await runningContainers(instance), [], 'Ctrl-C ends the containers too');
});
