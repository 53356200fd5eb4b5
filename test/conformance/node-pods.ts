import {
  findCondition,
  isStatus,
  type ObjectClient,
  type Pod,
  type PodSandbox,
  type PodSpec,
  Pods,
  type Runtime,
  RuntimeClasses,
} from 'orlop/plugin';
import { eventually } from './checks.ts';
import type { NodeFixture } from './node.ts';

export const NAMESPACE = 'conformance';

/** The pods of a suite for node agents, as the cluster and as the runtime sees them. */
export class NodePods {
  readonly objects: ObjectClient;
  readonly #node: string;
  readonly #runtime: Runtime;

  constructor({ objects, node, runtime }: Pick<NodeFixture, 'objects' | 'node' | 'runtime'>) {
    this.objects = objects;
    this.#node = node;
    this.#runtime = runtime;
  }

  /** Unless the agent has made it. */
  async runtimeClass(): Promise<void> {
    const { handler } = this.#runtime;
    try {
      await this.objects.create(RuntimeClasses, { metadata: { name: handler }, handler });
    } catch (error) {
      if (!isStatus(error, 'AlreadyExists')) throw error;
    }
  }

  /** Returns its uid. `how`: see `runtimes/fake`. */
  async run(name: string, spec: Partial<PodSpec> = {}, how: Record<string, string> = {}): Promise<string> {
    const annotations = Object.fromEntries(
      Object.entries(how).map(([key, value]) => [`fake.orlop.dev/${key}`, value]),
    );
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: NAMESPACE, name, annotations },
      spec: {
        nodeName: this.#node,
        runtimeClassName: this.#runtime.handler,
        restartPolicy: 'Always',
        containers: [{ name: 'main', image: 'app:1' }],
        ...spec,
      },
      status: { phase: 'Pending' },
    };
    return (await this.objects.create(Pods, pod)).value.metadata?.uid ?? '';
  }

  async get(name: string): Promise<Pod | undefined> {
    return (await this.objects.get(Pods, { namespace: NAMESPACE, name }))?.value;
  }

  main(pod: Pod) {
    return pod.status?.containerStatuses?.find(({ name }) => name === 'main');
  }

  async until(name: string, what: string, condition: (pod: Pod) => unknown): Promise<Pod> {
    let last: Pod | undefined;
    try {
      await eventually(`pod ${name} ${what}`, async () => {
        last = await this.get(name);
        return last && condition(last);
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${JSON.stringify(last?.status)}`, { cause: error });
    }
    return last!;
  }

  ready(name: string): Promise<Pod> {
    return this.until(
      name,
      'is ready',
      (pod) => findCondition(pod.status?.conditions, 'Ready')?.status === 'True',
    );
  }

  async delete(name: string, gracePeriodSeconds: number): Promise<void> {
    await this.objects.delete(Pods, { namespace: NAMESPACE, name }, { gracePeriodSeconds });
  }

  async gone(name: string): Promise<void> {
    await eventually(`pod ${name} is gone`, async () => !(await this.get(name)));
  }

  async forget(name: string): Promise<void> {
    await this.delete(name, 1);
    await this.gone(name);
  }

  async sandbox(podUid: string): Promise<PodSandbox | undefined> {
    return (await this.#runtime.listPodSandbox()).find((each) => each.podUid === podUid);
  }

  async isRunning(podUid: string): Promise<boolean> {
    return (await this.sandbox(podUid))?.containers.some(({ state }) => state === 'Running') ?? false;
  }

  async execute(name: string, command: string[]): Promise<string> {
    const sandbox = await this.sandbox((await this.get(name))?.metadata?.uid ?? '');
    const { stdout } = await this.#runtime.execSync(sandbox?.containers[0]?.id ?? '', command, 5);
    return Buffer.from(stdout).toString();
  }
}
