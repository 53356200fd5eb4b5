import type { PodSandbox, Runtime } from 'orlop/plugin';
import type { NodeContext } from './node.ts';

/** Seconds that containers have to end before they are killed; less than the host gives a plugin to stop. */
const GRACE_SECONDS = 5;

/**
 * Ends what runs on the node, for a node that goes down with its process. The pods stay in the store: the next start runs them again.
 * Source: kubelet's graceful node shutdown.
 */
export async function stopPods({ runtimes, log }: Pick<NodeContext, 'runtimes' | 'log'>): Promise<void> {
  await Promise.all(
    [...runtimes.values()].map(async (runtime) => {
      const sandboxes = await runtime.listPodSandbox();
      await Promise.all(
        sandboxes.map((sandbox) =>
          stopPod(runtime, sandbox).catch((error: unknown) =>
            log.warn(`${sandbox.namespace}/${sandbox.name} could not be stopped`, { error: String(error) }),
          ),
        ),
      );
    }),
  );
}

async function stopPod(runtime: Runtime, { id, containers }: PodSandbox): Promise<void> {
  const running = containers.filter(({ state }) => state === 'Running');
  await Promise.all(running.map((container) => runtime.stopContainer(container.id, GRACE_SECONDS)));
  await runtime.stopPodSandbox(id);
}
