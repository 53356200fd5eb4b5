import { ConfigMaps, type Pod, Pods, RuntimeClasses } from 'orlop/plugin';
import t, { type Test } from 'tap';
import network from '../../plugins/network/index.ts';
import node from '../../plugins/node/index.ts';
import projected from '../../plugins/volumes/projected/index.ts';
import wasm from '../../runtimes/wasm/index.ts';
import { eventually, type TestKernel, testKernel } from '../cluster.ts';
import { testdir } from '../testdir.ts';
import { HELLO } from './wasm-bench.ts';
import { commandImage, ripgrepImage } from './wasm-guests.ts';

const NODE = 'node-1';

async function status(kernel: TestKernel, name: string) {
  return (await kernel.objects.get(Pods, { namespace: 'default', name }))?.value.status;
}

async function run(kernel: TestKernel, name: string, spec: Pod['spec']): Promise<void> {
  await kernel.objects.create(Pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { nodeName: NODE, ...spec!, enableServiceLinks: false },
    status: { phase: 'Pending' },
  });
}

async function cluster(t: Test): Promise<TestKernel> {
  const plugins = [network, projected, wasm, node];
  const config = { network: { podCIDR: '10.231.0.0/16' } };
  const kernel = await testKernel(t, { plugins, config, node: NODE });
  await eventually('the RuntimeClass', () => kernel.objects.get(RuntimeClasses, { name: 'wasm' }));
  return kernel;
}

t.test('pods of a node agent', async (t) => {
  const kernel = await cluster(t);
  const dir = testdir(t);

  await t.test('an HTTP component answers at its pod address once it is ready', async (t) => {
    await run(kernel, 'hello', {
      containers: [
        {
          name: 'hello',
          image: HELLO,
          readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
        },
      ],
    });
    const { podIP } = await eventually('ready', async () => {
      const found = await status(kernel, 'hello');
      const ready = found?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
      return ready ? found : undefined;
    });
    const answer = await fetch(`http://${podIP}:8080/deck`);
    t.equal(await answer.text(), 'Hello from Orlop! Pod hello answers /deck\n');
  });

  await t.test('ripgrep searches a mounted ConfigMap', async (t) => {
    await kernel.objects.create(ConfigMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'texts', namespace: 'default' },
      data: { poem: 'in the orlop\nabove the keel\n' },
    });
    const image = await ripgrepImage(dir);
    const search = (word: string): Pod['spec'] => ({
      restartPolicy: 'Never',
      runtimeClassName: 'wasm',
      volumes: [{ name: 'texts', configMap: { name: 'texts' } }],
      containers: [
        {
          name: 'rg',
          image,
          command: ['rg'],
          args: [word, '/texts/poem'],
          volumeMounts: [{ name: 'texts', mountPath: '/texts' }],
        },
      ],
    });
    await run(kernel, 'found', search('keel'));
    await run(kernel, 'missed', search('rudder'));
    await eventually('success', async () => (await status(kernel, 'found'))?.phase === 'Succeeded');
    await eventually('failure', async () => (await status(kernel, 'missed'))?.phase === 'Failed');
    const terminated = (await status(kernel, 'missed'))?.containerStatuses?.[0]?.state?.terminated;
    t.match(terminated, { exitCode: 1, reason: 'Error' });
  });

  await t.test('a command that fails is started again, an unknown image waits', async (t) => {
    const image = await commandImage(dir);
    await run(kernel, 'fails', { containers: [{ name: 'it', image, args: ['fail'] }] });
    await eventually('a restart', async () => {
      const restarts = (await status(kernel, 'fails'))?.containerStatuses?.[0]?.restartCount;
      return restarts !== undefined && restarts >= 1;
    });
    const unknown = { name: 'it', image: '/nowhere.wasm' };
    await run(kernel, 'unknown', { runtimeClassName: 'wasm', containers: [unknown] });
    const waiting = await eventually('waiting', async () => {
      const found = (await status(kernel, 'unknown'))?.containerStatuses?.[0]?.state?.waiting;
      return found?.reason?.match(/ErrImagePull|ImagePullBackOff/) && found;
    });
    t.match(waiting.message, /nowhere.wasm: no such file on this node/);
  });

  await t.test('an ephemeral container runs once beside a guest', async (t) => {
    const image = await commandImage(dir);
    await run(kernel, 'debugged', { containers: [{ name: 'it', image, args: ['wait'] }] });
    await eventually('running', async () => (await status(kernel, 'debugged'))?.phase === 'Running');
    const ephemeral = { name: 'look', image, args: ['fail'], targetContainerName: 'it' };
    await kernel.objects.modify(Pods, { namespace: 'default', name: 'debugged' }, (draft) => {
      draft.spec!.ephemeralContainers = [ephemeral];
    });
    const seen = await eventually('its end', async () => {
      const found = (await status(kernel, 'debugged'))?.ephemeralContainerStatuses?.[0];
      return found?.state?.terminated ? found : undefined;
    });
    t.match(seen, { name: 'look', restartCount: 0, state: { terminated: { exitCode: 1 } } });
    t.equal((await status(kernel, 'debugged'))?.phase, 'Running');
  });

  await t.test('a guest is started again for more memory, where its policy says so', async (t) => {
    const image = await commandImage(dir);
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    const resources = { limits: { memory: '4Mi' } };
    await run(kernel, 'grows', {
      containers: [{ name: 'it', image, args: ['wait'], resources, resizePolicy }],
    });
    await eventually('running', async () => (await status(kernel, 'grows'))?.phase === 'Running');
    await kernel.objects.modify(Pods, { namespace: 'default', name: 'grows' }, (draft) => {
      draft.spec!.containers[0]!.resources = { limits: { memory: '8Mi' } };
    });
    const grown = await eventually('its new limit', async () => {
      const found = (await status(kernel, 'grows'))?.containerStatuses?.[0];
      return found?.state?.running && found.resources?.limits?.['memory'] === '8Mi' ? found : undefined;
    });
    t.equal(grown.restartCount, 1);
  });
});

t.test('after a restart of the process the pods run again', async (t) => {
  const kernel = await cluster(t);
  await run(kernel, 'hello', { containers: [{ name: 'hello', image: HELLO }] });
  await eventually('running', async () => (await status(kernel, 'hello'))?.phase === 'Running');
  const again = await kernel.restart();
  const restarted = await eventually('a restart', async () => {
    const found = await status(again, 'hello');
    const container = found?.containerStatuses?.[0];
    return container?.state?.running && container.restartCount === 1 ? found : undefined;
  });
  const answer = await eventually('an answer', () =>
    fetch(`http://${restarted.podIP}:8080/`).catch(() => undefined),
  );
  t.equal(answer.status, 200);
});

t.test('pods run on through a swap of the runtime plugin', async (t) => {
  const kernel = await cluster(t);
  const image = await commandImage(testdir(t));
  await run(kernel, 'hello', { containers: [{ name: 'hello', image: HELLO }] });
  await run(kernel, 'waits', { containers: [{ name: 'it', image, args: ['wait'] }] });
  for (const name of ['hello', 'waits']) {
    await eventually('running', async () => (await status(kernel, name))?.phase === 'Running');
  }
  const before = await status(kernel, 'hello');
  await kernel.swap('runtime-wasm', wasm);
  const answer = await fetch(`http://${before?.podIP}:8080/`);
  t.equal(answer.status, 200);
  await kernel.objects.delete(Pods, { namespace: 'default', name: 'waits' }, { gracePeriodSeconds: 1 });
  await eventually('gone', async () => (await status(kernel, 'waits')) === undefined);
  t.same(await status(kernel, 'hello'), before, 'nothing was started again');
  const failing = { ...wasm, version: '2.0.0', start: () => Promise.reject(new Error('not today')) };
  await t.rejects(kernel.swap('runtime-wasm', failing), { message: /not today/ });
  t.equal((await fetch(`http://${before?.podIP}:8080/`)).status, 200, 'nor by a swap that fails');
});
