import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { definePlugin, provide, Runtimes, StatusError } from 'orlop/plugin';
import { Process } from './process.mjs';

/** @import { ContainerConfig, ContainerEvent, LogOptions, PodSandboxConfig, PullPolicy, PullResult, Runtime } from 'orlop/plugin' */

/** @typedef {{ id: string, ready: boolean, config: PodSandboxConfig, containers: Map<string, Process> }} Sandbox */

/**
 * Containers are processes of the node, and nothing isolates them: it is for those who trust each other. The image is the program's path.
 * Ask for it by a RuntimeClass whose handler is this name.
 * @implements {Runtime}
 */
export class ProcessRuntime {
  handler = 'my-plugin';
  version = 'my-plugin://0.1.0';
  /** Its pods use the node's own network, with an address of 127.0.0.0/8 each. @type {'local'} */
  attachment = 'local';
  /** @type {Map<string, Sandbox>} */
  #sandboxes = new Map();
  #events = new EventEmitter();

  /** @param {string} image @param {{ policy: PullPolicy }} options @returns {Promise<PullResult>} */
  async pullImage(image, { policy }) {
    if (existsSync(image)) return { ok: true, imageId: `file://${image}` };
    const reason = policy === 'Never' ? 'ErrImageNeverPull' : 'ErrImagePull';
    return { ok: false, reason, message: `there is no program ${image} on this node` };
  }

  /** @param {PodSandboxConfig} config */
  async runPodSandbox(config) {
    const uid = config.pod.metadata?.uid;
    const all = [...this.#sandboxes.values()];
    const known = all.find((each) => each.ready && each.config.pod.metadata?.uid === uid);
    if (known) return { id: known.id, ip: known.config.ip };
    const id = randomUUID();
    this.#sandboxes.set(id, { id, ready: true, config, containers: new Map() });
    return { id, ip: config.ip };
  }

  /** @param {string} id */
  async stopPodSandbox(id) {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox) return;
    sandbox.ready = false;
    await Promise.all([...sandbox.containers.values()].map((each) => each.stop(0)));
  }

  /** @param {string} id */
  async removePodSandbox(id) {
    await this.stopPodSandbox(id);
    this.#sandboxes.delete(id);
  }

  async listPodSandbox() {
    return [...this.#sandboxes.values()].map(({ id, ready, config, containers }) => {
      const { uid = '', namespace = '', name = '' } = config.pod.metadata ?? {};
      const states = [...containers.values()].map(({ state }) => state);
      return { id, podUid: uid, namespace, name, ip: config.ip, ready, containers: states };
    });
  }

  /** @param {string} sandboxId @param {ContainerConfig} config */
  async createContainer(sandboxId, config) {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (!sandbox?.ready)
      throw new StatusError('NotFound', `pod sandbox ${sandboxId} does not run: make a new one`);
    const id = randomUUID();
    const podUid = sandbox.config.pod.metadata?.uid ?? '';
    const tell = (/** @type {'started' | 'exited'} */ type) =>
      void this.#events.emit('event', { type, sandboxId, containerId: id, podUid });
    sandbox.containers.set(id, new Process(id, config, tell));
    return { id };
  }

  /** @param {string} id */
  async startContainer(id) {
    this.#get(id).start();
  }

  /** @param {string} id @param {number} timeout */
  async stopContainer(id, timeout) {
    await this.#find(id)?.stop(timeout);
  }

  /** @param {string} id */
  async removeContainer(id) {
    await this.#find(id)?.stop(0);
    for (const { containers } of this.#sandboxes.values()) containers.delete(id);
  }

  /** @param {string} id */
  async containerStatus(id) {
    return this.#find(id)?.state;
  }

  /** @param {(event: ContainerEvent) => void} listener */
  onContainerEvent(listener) {
    this.#events.on('event', listener);
    return () => void this.#events.off('event', listener);
  }

  /** @param {string} id @param {LogOptions} options */
  containerLogs(id, options) {
    return this.#get(id).log(options);
  }

  /** @param {string} id @param {readonly string[]} command @param {number} timeout */
  execSync(id, command, timeout) {
    return this.#get(id).exec(command, timeout);
  }

  /** Ends all that runs. */
  async close() {
    await Promise.all([...this.#sandboxes.keys()].map((id) => this.removePodSandbox(id)));
  }

  /** @param {string} id */
  #find(id) {
    for (const { containers } of this.#sandboxes.values()) if (containers.has(id)) return containers.get(id);
    return undefined;
  }

  /** @param {string} id */
  #get(id) {
    const found = this.#find(id);
    if (!found) throw new StatusError('NotFound', `container ${id} does not exist`);
    return found;
  }
}

export default definePlugin({
  name: 'my-plugin',
  kind: 'runtime.v1',
  version: '0.1.0',
  description: 'Runs containers as processes of the node.',
  provides: [Runtimes],
  grants: { host: ['exec', 'files'] },
  start() {
    const runtime = new ProcessRuntime();
    // Its processes end with it: after a swap or a restart their pods are started anew.
    return { provides: [provide(Runtimes, runtime, runtime.handler)], stop: () => runtime.close() };
  },
});
