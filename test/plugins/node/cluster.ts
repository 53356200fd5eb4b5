import {
  definePlugin,
  Events,
  type Pod,
  type PodAddress,
  PodNetwork,
  type PodSpec,
  Pods,
  provide,
  type Runtime,
  Runtimes,
  SecretsEncoding,
} from 'orlop/plugin';
import type { Test } from 'tap';
import node from '../../../plugins/node/index.ts';
import emptyDir from '../../../plugins/volumes/emptydir/index.ts';
import hostPath from '../../../plugins/volumes/hostpath/index.ts';
import projected from '../../../plugins/volumes/projected/index.ts';
import { FakeRuntime } from '../../../runtimes/fake/runtime.ts';
import { eventually, type TestKernel, testKernel } from '../../cluster.ts';

/** Addresses out of thin air: the fake runtime has no network behind them. */
function network(prefix: string) {
  const addresses = new Map<string, PodAddress>();
  let last = 1;
  const service: PodNetwork = {
    podCIDR: '10.244.0.0/24',
    bridge: { cidr: '10.244.0.128/25', gateway: '10.244.0.129' },
    nodeIP: '10.0.0.1',
    async add(uid, attachment) {
      const known = addresses.get(uid);
      if (known) return known;
      last += 1;
      const address = { ip: `${prefix}${last}`, attachment };
      addresses.set(uid, address);
      return address;
    },
    async adopt(uid, address) {
      addresses.set(uid, address);
    },
    async del(uid) {
      addresses.delete(uid);
    },
  };
  const plugin = definePlugin({
    name: 'test-network',
    kind: 'network.v1',
    version: '1.0.0',
    description: 'Addresses for tests.',
    provides: [PodNetwork],
    start: () => ({ provides: [provide(PodNetwork, service)] }),
  });
  return { addresses, plugin };
}

function runtimePlugin(runtime: Runtime) {
  return definePlugin({
    name: `runtime-${runtime.handler}`,
    kind: 'runtime.v1',
    version: '1.0.0',
    description: 'The runtime of a test.',
    provides: [Runtimes],
    start: () => ({ provides: [provide(Runtimes, runtime, runtime.handler)] }),
  });
}

/** Secrets as they come: how they are stored is not the node's affair. */
const plainSecrets = definePlugin({
  name: 'test-secrets',
  kind: 'secrets.v1',
  version: '1.0.0',
  description: 'No encoding, for tests.',
  provides: [SecretsEncoding],
  start: () => ({
    provides: [
      provide(SecretsEncoding, { encoding: 'plain', encode: (value) => value, decode: (value) => value }),
    ],
  }),
});

/** A node agent with all it requires, on a fake runtime that outlives it. Pods have addresses that begin with `prefix`. */
export function fakeNode(t: Test, prefix = '10.244.0.') {
  const runtime = new FakeRuntime();
  t.teardown(() => runtime.close());
  const { addresses, plugin } = network(prefix);
  return {
    runtime,
    addresses,
    plugins: [plugin, runtimePlugin(runtime), emptyDir, hostPath, projected, node],
  };
}

/** A kernel with a node agent and a fake runtime that outlives both. */
export async function nodeCluster(t: Test, config: object = {}): Promise<NodeCluster> {
  const { runtime, addresses, plugins } = fakeNode(t);
  const kernel = await testKernel(t, {
    node: 'n1',
    plugins: [plainSecrets, ...plugins],
    config: { node: { defaultRuntime: 'fake', crashLoopBaseMs: 50, ...config } },
  });
  return new NodeCluster(kernel, runtime, addresses);
}

export class NodeCluster {
  kernel: TestKernel;
  readonly runtime: FakeRuntime;
  readonly addresses: Map<string, PodAddress>;

  constructor(kernel: TestKernel, runtime: FakeRuntime, addresses: Map<string, PodAddress>) {
    this.kernel = kernel;
    this.runtime = runtime;
    this.addresses = addresses;
  }

  /** Creates a pod bound to the node; `spec` overrides its one container `main`. Returns its uid. */
  async run(
    name: string,
    spec: Partial<PodSpec> = {},
    annotations: Record<string, string> = {},
  ): Promise<string> {
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'default',
        annotations: Object.fromEntries(
          Object.entries(annotations).map(([key, value]) => [`fake.orlop.dev/${key}`, value]),
        ),
      },
      spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'app:1' }], ...spec },
    };
    return (await this.kernel.objects.create(Pods, pod)).value.metadata!.uid!;
  }

  async get(name: string): Promise<Pod | undefined> {
    return (await this.kernel.objects.get(Pods, { namespace: 'default', name }))?.value;
  }

  /** Waits for a pod that meets the condition. */
  async until(name: string, what: string, condition: (pod: Pod) => unknown): Promise<Pod> {
    let last: Pod | undefined;
    try {
      return await eventually(`pod ${name} ${what}`, async () => {
        last = await this.get(name);
        return last && condition(last) ? last : undefined;
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${JSON.stringify(last?.status)}`, { cause: error });
    }
  }

  ready(name: string): Promise<Pod> {
    return this.until(name, 'is ready', (pod) =>
      pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
    );
  }

  async gone(name: string): Promise<void> {
    await eventually(`pod ${name} is gone`, async () => (await this.get(name)) === undefined);
  }

  /** Marks it for deletion, as the API server does. */
  async delete(name: string, gracePeriodSeconds = 30): Promise<void> {
    await this.kernel.objects.delete(Pods, { namespace: 'default', name }, { gracePeriodSeconds });
  }

  /** Reasons of the Events about a pod. */
  async events(name: string): Promise<string[]> {
    const { items } = await this.kernel.objects.list(Events, { namespace: 'default' });
    return items
      .map(({ value }) => value)
      .filter(({ involvedObject }) => involvedObject.name === name)
      .map(({ reason, message }) => `${reason}: ${message}`);
  }
}
