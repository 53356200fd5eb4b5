import type { ContainerInspectInfo } from 'dockerode';
import type { PodSandbox, PodSandboxConfig } from 'orlop/plugin';
import type { Bridge } from './bridge.ts';
import { already, type Engine, found, statusOf } from './engine.ts';
import { LABEL, ours, sandboxName } from './labels.ts';
import { ensurePauseImage } from './pause.ts';
import { sandboxOptions } from './spec.ts';
import { containerState } from './state.ts';

/** The pods of one instance on the engine: a pause container each, and the containers that joined it. */
export interface Sandboxes {
  run(config: PodSandboxConfig): Promise<{ id: string; ip: string }>;
  stop(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  list(): Promise<PodSandbox[]>;
}

export function sandboxes(engine: Engine, instance: string, bridge: Bridge): Sandboxes {
  /** Ids of the containers in a sandbox, without the sandbox itself. */
  async function members(id: string): Promise<string[]> {
    const list = await engine.listContainers({ all: true, filters: ours(instance, { [LABEL.sandbox]: id }) });
    return list.map((each) => each.Id);
  }

  async function create(config: PodSandboxConfig, network: string): Promise<string> {
    try {
      return (await engine.createContainer(sandboxOptions(instance, config, network))).id;
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      return (await engine.getContainer(sandboxName(config.pod)).inspect()).Id;
    }
  }

  return {
    /** One that died (with the engine, say) is started again: same id, same address, its containers' ends still known. */
    async run(config) {
      await ensurePauseImage(engine);
      const network = await bridge.ensure(config.bridge.cidr, config.bridge.gateway);
      const id = await create(config, network);
      const sandbox = engine.getContainer(id);
      await already(sandbox.start(), 304);
      return { id, ip: (await sandbox.inspect()).Config.Labels[LABEL.ip] ?? config.ip };
    },

    async stop(id) {
      const all = [...(await members(id)), id];
      await Promise.all(all.map((each) => already(engine.getContainer(each).kill(), 404, 409)));
    },

    async remove(id) {
      for (const each of [...(await members(id)), id]) await removeContainer(engine, each);
    },

    async list() {
      const listed = await engine.listContainers({ all: true, filters: ours(instance) });
      const infos = await Promise.all(listed.map(({ Id }) => found(engine.getContainer(Id).inspect())));
      return assemble(infos.filter((info) => info !== undefined));
    },
  };
}

function assemble(infos: readonly ContainerInspectInfo[]): PodSandbox[] {
  const pods = new Map<string, PodSandbox>();
  for (const info of infos) {
    const labels = info.Config.Labels;
    if (labels[LABEL.type] !== 'sandbox') continue;
    pods.set(info.Id, {
      id: info.Id,
      podUid: labels[LABEL.uid] ?? '',
      namespace: labels[LABEL.namespace] ?? '',
      name: labels[LABEL.name] ?? '',
      ip: labels[LABEL.ip] ?? '',
      ready: info.State.Running,
      containers: [],
    });
  }
  for (const info of infos) {
    const sandbox = pods.get(info.Config.Labels[LABEL.sandbox] ?? '');
    sandbox?.containers.push(containerState(info));
  }
  return [...pods.values()];
}

/** Removes a container with its log and its image's anonymous volumes, and waits when the engine is already at it. */
export async function removeContainer(engine: Engine, id: string): Promise<void> {
  const container = engine.getContainer(id);
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    if (statusOf(error) === 404) return;
    if (statusOf(error) !== 409) throw error;
    await already(container.wait({ condition: 'removed' }), 404);
  }
}
