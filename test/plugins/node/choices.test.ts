import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod, Runtime } from 'orlop/plugin';
import t from 'tap';
import { pullPolicy } from '../../../plugins/node/container-actions.ts';
import { describeNode, readMachine } from '../../../plugins/node/node-object.ts';
import { references } from '../../../plugins/node/references.ts';
import { chooseRuntime } from '../../../plugins/node/runtime-choice.ts';
import { mountsOf } from '../../../plugins/node/volumes.ts';
import { testdir } from '../../testdir.ts';

t.test('the runtime of a pod', async (t) => {
  const docker = { handler: 'docker' } as Runtime;
  const wasm = { handler: 'wasm', claims: (image: string) => image.endsWith('.wasm') } as Runtime;
  const runtimes = new Map([
    ['docker', docker],
    ['wasm', wasm],
  ]);
  const pod = (images: string[], runtimeClassName?: string): Pod => ({
    spec: {
      containers: images.map((image, index) => ({ name: `c${index}`, image })),
      ...(runtimeClassName && { runtimeClassName }),
    },
  });
  const choose = (of: Pod, handler?: string, there: ReadonlyMap<string, Runtime> = runtimes) => {
    const choice = chooseRuntime(
      of,
      handler ? { handler, metadata: { name: 'x' } } : undefined,
      there,
      'docker',
    );
    return choice.ok ? choice.runtime.handler : choice.message;
  };
  t.equal(choose(pod(['nginx'])), 'docker');
  t.equal(choose(pod(['a.wasm'])), 'wasm');
  t.equal(choose(pod(['a.wasm', 'nginx'])), 'docker', 'claims count only for all of a pod');
  t.equal(choose(pod(['nginx'], 'thin'), 'wasm'), 'wasm');
  t.match(
    choose(pod(['nginx'], 'thin')),
    'RuntimeClass "thin" not found; runtimes on this node: docker, wasm',
  );
  t.match(choose(pod(['nginx'], 'thin'), 'kata'), /"kata".*is not here/);
  t.match(
    choose(pod(['nginx']), undefined, new Map([['wasm', wasm]])),
    /default runtime "docker" is not here/,
  );
});

t.test('pull policies', async (t) => {
  for (const [image, policy] of [
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.14.2', 'IfNotPresent'],
    ['host:5000/nginx', 'Always'],
    ['nginx@sha256:abc', 'IfNotPresent'],
  ] as const) {
    t.equal(pullPolicy({ name: 'c', image }), policy, image);
  }
  t.equal(pullPolicy({ name: 'c', image: 'nginx', imagePullPolicy: 'Never' }), 'Never');
});

t.test('mounts and sub-paths', async (t) => {
  const root = testdir(t, { file: 'x' });
  const paths = new Map([['v', root]]);
  const mounts = (mount: object) =>
    mountsOf(
      { name: 'c', volumeMounts: [{ name: 'v', mountPath: 'data', ...mount }] },
      paths,
      new Map([['POD', 'p1']]),
    );
  t.same(await mounts({ readOnly: true }), [
    { name: 'v', hostPath: root, containerPath: '/data', readOnly: true },
  ]);
  const [expanded] = await mounts({ subPathExpr: 'logs/$(POD)' });
  t.equal(expanded!.hostPath, join(root, 'logs/p1'));
  writeFileSync(join(expanded!.hostPath, 'there'), 'x');
  const [file] = await mounts({ subPath: 'file' });
  t.equal(readFileSync(file!.hostPath, 'utf8'), 'x', 'a file is mounted as a file');
  await t.rejects(mounts({ subPath: '../other' }), { message: /leads out of its volume/ });
  await t.rejects(mounts({ name: 'none' }), { message: /no volume of its pod/ });
});

t.test('what a pod refers to', async (t) => {
  const pod: Pod = {
    spec: {
      containers: [
        {
          name: 'c',
          envFrom: [{ configMapRef: { name: 'a' } }],
          env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'b', key: 'k' } } }],
        },
      ],
      volumes: [
        { name: 'v', secret: { secretName: 'c' } },
        { name: 'w', projected: { sources: [{ configMap: { name: 'd' } }, { secret: { name: 'e' } }] } },
      ],
    },
  };
  t.same([...references(pod)], ['ConfigMap a', 'Secret b', 'Secret c', 'ConfigMap d', 'Secret e']);
});

t.test('the Node object keeps what others wrote', async (t) => {
  const description = {
    name: 'n1',
    machine: readMachine('/'),
    version: 'v1.34.0',
    maxPods: 10,
    nodeIP: '10.0.0.1',
    podCIDR: '10.244.0.0/24',
    runtimeVersions: ['docker://20', 'wasm://8'],
  };
  const first = describeNode(undefined, description, new Date('2026-01-01T00:00:00Z'));
  Object.assign(first.metadata!.labels!, { zone: 'z1' });
  Object.assign(first.spec!, { unschedulable: true, taints: [{ key: 'k', effect: 'NoSchedule' }] });
  const second = describeNode(first, description, new Date('2026-01-01T00:05:00Z'));
  t.match(second, {
    metadata: { labels: { zone: 'z1', 'kubernetes.io/hostname': 'n1' } },
    spec: { unschedulable: true, taints: [{ key: 'k' }], podCIDR: '10.244.0.0/24' },
    status: { nodeInfo: { containerRuntimeVersion: 'docker://20, wasm://8' } },
  });
  const ready = (node: typeof first) => node.status!.conditions!.find(({ type }) => type === 'Ready')!;
  t.equal(ready(second).lastTransitionTime, ready(first).lastTransitionTime);
  t.equal(ready(second).lastHeartbeatTime, '2026-01-01T00:05:00Z');
});
