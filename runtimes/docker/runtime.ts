import type { ContainerConfig, ContainerState, Logger, Runtime } from 'orlop/plugin';
import { StatusError } from 'orlop/plugin';
import { attach } from './attach.ts';
import { bridge } from './bridge.ts';
import { already, type Engine, engineError, found, statusOf } from './engine.ts';
import { eventFeed } from './events.ts';
import { exec, execSync } from './exec.ts';
import { pullImage } from './images.ts';
import { containerName, ours } from './labels.ts';
import { containerLogs } from './logs.ts';
import { removeContainer, sandboxes } from './sandboxes.ts';
import { computeLimits, containerOptions, refuseRoot } from './spec.ts';
import { containerState } from './state.ts';
import { containerStats } from './stats.ts';

export interface DockerOptions {
  engine: Engine;
  /** How messages name the engine. */
  address: string;
  /** e.g. `docker://20.10.24` */
  version: string;
  /** Marks what is ours; stable over restarts. */
  instance: string;
  log: Logger;
}

/** `runtime.v1` on a Docker engine. Errors are the engine's words as `StatusError`. */
export function dockerRuntime(options: DockerOptions): Runtime & { close(): Promise<void> } {
  const { engine, address, instance } = options;
  const network = bridge(engine, instance);
  const pods = sandboxes(engine, instance, network);
  const events = eventFeed(options);

  async function call<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw engineError(error, address);
    }
  }

  async function create(sandboxId: string, config: ContainerConfig): Promise<{ id: string }> {
    const sandbox = await engine.getContainer(sandboxId).inspect();
    if (!sandbox.State.Running) {
      throw new StatusError('Conflict', `pod sandbox ${sandboxId} does not run: no container can join it`);
    }
    const image = await engine.getImage(config.imageId || (config.container.image ?? '')).inspect();
    const refusal = refuseRoot(config.pod, config.container, image.Config?.User ?? '');
    if (refusal) throw new StatusError('BadRequest', refusal);
    const wanted = containerOptions(instance, sandboxId, { ...config, imageId: image.Id });
    try {
      return { id: (await engine.createContainer(wanted)).id };
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      // Left by a kernel that ended between creating and starting it.
      const name = containerName(config.pod, config.container, config.attempt);
      const left = await engine.getContainer(name).inspect();
      if (left.State.Status !== 'created') throw error;
      await removeContainer(engine, left.Id);
      return { id: (await engine.createContainer(wanted)).id };
    }
  }

  async function status(id: string): Promise<ContainerState | undefined> {
    const info = await found(engine.getContainer(id).inspect());
    return info && containerState(info);
  }

  async function close(): Promise<void> {
    await events.close();
    try {
      const left = await engine.listContainers({ all: true, filters: ours(instance) });
      if (left.length === 0) await network.remove();
    } catch (error) {
      options.log.debug('the pod network stays', { error: engineError(error, address).message });
    }
  }

  return {
    handler: 'docker',
    version: options.version,
    attachment: 'bridge',
    pullImage: (image, { policy, signal }) => call(pullImage(engine, address, image, policy, signal)),
    runPodSandbox: (config) => call(pods.run(config)),
    stopPodSandbox: (id) => call(pods.stop(id)),
    removePodSandbox: (id) => call(pods.remove(id)),
    listPodSandbox: () => call(pods.list()),
    createContainer: (sandboxId, config) => call(create(sandboxId, config)),
    startContainer: (id) => call(already(engine.getContainer(id).start(), 304)),
    stopContainer: (id, timeout) => call(already(engine.getContainer(id).stop({ t: timeout }), 304, 404)),
    removeContainer: (id) => call(removeContainer(engine, id)),
    containerStatus: (id) => call(status(id)),
    onContainerEvent: (listener) => events.subscribe(listener),
    async *containerLogs(id, logOptions) {
      try {
        yield* containerLogs(engine, id, logOptions);
      } catch (error) {
        throw engineError(error, address);
      }
    },
    execSync: (id, command, timeout) => call(execSync(engine, id, command, timeout)),
    exec: (id, execOptions) => call(exec(engine, id, execOptions)),
    attach: (id, attachOptions) => call(attach(engine, id, attachOptions)),
    async updateContainerResources(id, resources) {
      await call(engine.getContainer(id).update(computeLimits(resources)));
      return { ok: true };
    },
    containerStats: (id) => call(containerStats(engine, id)),
    close,
  };
}
