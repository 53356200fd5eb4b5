import { spawn } from 'node:child_process';
import { Pods } from 'orlop/plugin';
import t from 'tap';
import { eventually } from '../../cluster.ts';
import { kubectl as kubectlOf, kubectlPath, RELEASES } from '../../kubectl.ts';
import { standard, testApi } from './cluster.ts';

const cluster = await testApi(t, {
  node: 'node-1',
  plugins: [
    '../runtimes/fake',
    'network',
    'volumes/emptydir',
    'volumes/projected',
    'node',
    'scheduler',
    'controllers/deployment',
    'controllers/replicaset',
    'controllers/namespace',
    'controllers/garbagecollector',
  ].map((path) => standard(path)),
  config: { node: { defaultRuntime: 'fake' } },
});

function deployment(name: string, image = 'nginx:1.14.2', replicas = 2): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: { app: name } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'web', image, ports: [{ containerPort: 80 }] }] },
      },
    },
  });
}

for (const release of RELEASES) {
  const kubectl = kubectlOf(cluster.kubeconfig, release);

  t.test(`${release}: what the server is and serves`, async (t) => {
    const version = await kubectl.ok('version');
    t.match(version, new RegExp(`Client Version: v${release}\\.\\d+`));
    t.match(version, /Server Version: v1\.\d+\.\d+/);
    const resources = await kubectl.ok('api-resources --no-headers');
    for (const kind of ['Pod', 'Deployment', 'Ingress', 'Plugin'])
      t.match(resources, new RegExp(`\\b${kind}$`, 'm'));
    t.match(await kubectl.ok('api-versions'), /^apps\/v1$/m);
    t.match(await kubectl.ok('explain deployment.spec.replicas'), /FIELD: replicas <integer>/);
    t.match(await kubectl.ok('get namespaces'), /default +Active[\s\S]*kube-system +Active/);
    t.match(await kubectl.ok('get service kubernetes -o wide'), /ClusterIP +10\.96\.0\.1 +<none> +443\/TCP/);
    t.match(await kubectl.ok('get --raw /readyz'), 'ok');
    t.match(await kubectl.ok('auth whoami'), /Username +admin/);
    t.match(await kubectl.ok('auth can-i create pods'), 'yes');
  });

  t.test(`${release}: a Deployment is applied, rolled out, changed and deleted`, async (t) => {
    const web = deployment('web');
    t.match(await kubectl.ok('apply -f -', web), 'created');
    t.match(await kubectl.ok('rollout status deployment/web --timeout=60s'), 'successfully rolled out');
    t.match(await kubectl.ok('apply -f -', web), 'unchanged');
    t.match(await kubectl.ok('get deployment web'), /web +2\/2 +2 +2/);
    t.match(await kubectl.ok('get pods -l app=web -o wide'), /web-\S+ +1\/1 +Running/);
    t.match(await kubectl.ok('describe deployment web'), /Replicas: +2 desired \| 2 updated/);

    const newer = deployment('web', 'nginx:1.16.1');
    const diff = await kubectl('diff -f -', newer);
    t.equal(diff.code, 1);
    t.match(diff.stdout, /-\s+- image: nginx:1\.14\.2[\s\S]*\+\s+- image: nginx:1\.16\.1/);
    t.match(await kubectl.ok('apply -f -', newer), 'configured');
    t.match(await kubectl.ok('rollout status deployment/web --timeout=60s'), 'successfully rolled out');

    t.match(await kubectl.ok('scale deployment web --replicas=3'), 'scaled');
    t.match(await kubectl.ok('scale deployment web --replicas=1 --current-replicas=3'), 'scaled');
    t.match(
      (await kubectl('scale deployment web --replicas=1 --current-replicas=3')).stderr,
      /Expected replicas to be 3/,
    );
    t.match(await kubectl.ok(['patch', 'deployment', 'web', '-p', '{"spec":{"replicas":4}}']), 'patched');
    const operations =
      '[{"op":"test","path":"/spec/replicas","value":4},{"op":"replace","path":"/spec/replicas","value":2}]';
    t.match(await kubectl.ok(['patch', 'deployment', 'web', '--type=json', '-p', operations]), 'patched');
    t.match(
      await kubectl.ok([
        'patch',
        'deployment',
        'web',
        '--type=merge',
        '-p',
        '{"metadata":{"labels":{"x":"y"}}}',
      ]),
      'patched',
    );
    t.match(await kubectl.ok('label deployment web tier=front'), 'labeled');
    t.match(await kubectl.ok('annotate deployment web note=hello'), 'annotated');
    t.match(await kubectl.ok('set image deployment/web web=nginx:1.17'), 'image updated');
    t.match(await kubectl.ok('set env deployment/web A=b'), 'env updated');
    t.match(await kubectl.ok('wait --for=condition=Available deployment/web --timeout=60s'), 'condition met');
    t.match(JSON.parse(await kubectl.ok('get deployment web -o json')), {
      metadata: { labels: { app: 'web', tier: 'front', x: 'y' }, annotations: { note: 'hello' } },
      spec: {
        replicas: 2,
        template: { spec: { containers: [{ image: 'nginx:1.17', env: [{ name: 'A', value: 'b' }] }] } },
      },
    });
    t.match(await kubectl.ok('get deployments -l tier=front -o name'), 'deployment.apps/web');
    t.equal(await kubectl.ok('get deployments -l tier!=front -o name'), '');
    t.match(await kubectl.ok('delete deployment web --timeout=60s'), 'deleted');
    t.match(await kubectl('get deployment web'), { code: 1, stderr: /deployments.apps "web" not found/ });
    await kubectl.ok('wait --for=delete pod -l app=web --timeout=60s');
  });

  t.test(`${release}: kubectl edit`, async (t) => {
    await kubectl.ok('create configmap edited --from-literal=colour=red');
    const child = spawn(kubectlPath(release), ['edit', 'configmap', 'edited'], {
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig, EDITOR: 'sed -i s/red/blue/' },
      stdio: 'ignore',
    });
    t.equal(await new Promise((resolve) => child.once('close', resolve)), 0);
    t.equal(await kubectl.ok('get configmap edited -o jsonpath={.data.colour}'), 'blue');
  });

  t.test(`${release}: kubectl apply --server-side`, async (t) => {
    const manifest = deployment('ssa', 'nginx', 1);
    t.match(await kubectl.ok('apply --server-side -f -', manifest), 'serverside-applied');
    t.match(await kubectl.ok('apply --server-side -f -', manifest), 'serverside-applied');
    await kubectl.ok('scale deployment ssa --replicas=2');
    const refused = await kubectl('apply --server-side -f -', manifest);
    t.match(refused, { code: 1, stderr: /Apply failed with 1 conflict: conflict with .*: \.spec\.replicas/ });
    await kubectl.ok('apply --server-side --force-conflicts -f -', manifest);
    t.equal(await kubectl.ok('get deployment ssa -o jsonpath={.spec.replicas}'), '1');

    await kubectl.ok('apply -f -', deployment('csa', 'nginx', 1));
    await kubectl.ok('apply --server-side -f -', deployment('csa', 'nginx:2', 1));
    t.equal(
      await kubectl.ok('get deployment csa -o jsonpath={.spec.template.spec.containers[0].image}'),
      'nginx:2',
      'what was applied on the client is taken over without a conflict',
    );
    await kubectl.ok('delete deployment ssa csa --timeout=60s');
  });

  t.test(`${release}: kubectl get -w sees changes as they come`, async (t) => {
    const child = spawn(kubectlPath(release), ['get', 'configmaps', '-w', '--no-headers'], {
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    });
    t.teardown(() => child.kill());
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await eventually('the first objects', () => output.includes('edited'));
    await kubectl.ok('create configmap watched --from-literal=a=b');
    await eventually('the new object', () => /^watched +1 +\d+s$/m.test(output));
  });

  t.test(`${release}: logs, with and without following`, async (t) => {
    await kubectl.ok('run talker --image=x --restart=Never');
    await kubectl.ok('wait --for=condition=Ready pod/talker --timeout=60s');
    const { uid = '' } = (await cluster.kernel.objects.get(Pods, { namespace: 'default', name: 'talker' }))!
      .value.metadata!;
    t.ok(uid);
    const child = spawn(kubectlPath(release), ['logs', '-f', 'talker'], {
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    });
    t.teardown(() => child.kill());
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const closed = new Promise((resolve) => child.once('close', resolve));
    await eventually('the log', () => output !== '');
    t.match(await kubectl.ok('logs talker --tail=1'), /\S/);
    t.match(await kubectl('logs talker -c other'), {
      code: 1,
      stderr: /container other is not valid for pod talker/,
    });
    t.match(await kubectl('logs nobody'), { code: 1, stderr: /pods "nobody" not found/ });
    await kubectl.ok('delete pod talker --grace-period=1 --timeout=60s');
    await closed;
    t.pass('following ends with the pod');
  });

  t.test(`${release}: namespaces end`, async (t) => {
    await kubectl.ok('create namespace short');
    await kubectl.ok('create configmap inside -n short --from-literal=a=b');
    t.match(await kubectl.ok('delete namespace short --timeout=60s'), 'deleted');
    t.match((await kubectl('get namespace short')).stderr, 'not found');
    t.match((await kubectl('create configmap x -n short')).stderr, /namespaces "short" not found/);
    t.match(
      (await kubectl('delete namespace default')).stderr,
      /is forbidden: this namespace may not be deleted/,
    );
  });

  t.test(`${release}: bad input is answered so that kubectl says what is wrong`, async (t) => {
    const create = async (manifest: string, ...flags: string[]): Promise<string> =>
      (await kubectl(['create', ...flags, '-f', '-'], manifest)).stderr;
    const config = (rest: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bad\n${rest}`;
    t.match(await create(config('datas:\n  a: b')), /strict decoding error: unknown field "datas"/);
    t.match(
      await create(config('datas:\n  a: b'), '--validate=warn', '--dry-run=server'),
      /Warning: unknown field "datas"/,
    );
    t.match(
      await create(config('data:\n  a: 1')),
      /cannot unmarshal number into Go struct field data.a of type string/,
    );
    t.match(await create(config('').replace('bad', 'Not_Good')), /metadata.name: Invalid value: "Not_Good"/);
    t.match(
      await create('apiVersion: nowhere/v1\nkind: Thing\nmetadata: {name: x}'),
      /no matches for kind "Thing"/,
    );
    t.match(
      await create(config('data: {a: b}').replace('bad', 'edited')),
      /configmaps "edited" already exists/,
    );
    await kubectl.ok('delete configmap edited watched');
  });
}
