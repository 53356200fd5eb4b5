import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, ContainerConfig, ContainerState, Logger, Pod } from 'orlop/plugin';
import type { Test } from 'tap';
import { LivePods } from '../../runtimes/wasm/live-pods.ts';
import { WasmRuntime } from '../../runtimes/wasm/runtime.ts';

export const HELLO = 'orlop.dev/hello:1';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** A WASM runtime in temporary folders, closed at the end of the test. */
export async function wasmRuntime(t: Test): Promise<WasmRuntime> {
  const dir = await mkdtemp(join(tmpdir(), 'orlop-wasm-'));
  const live = new LivePods(join(dir, 'cache'));
  const runtime = await WasmRuntime.open({ dataDir: join(dir, 'data'), log: silent, live });
  t.teardown(async () => {
    await live.close();
    await rm(dir, { recursive: true });
  });
  return runtime;
}

/** Starts a pod of one container; `mounts` maps container paths to host paths. */
export async function startPod(
  runtime: WasmRuntime,
  container: Partial<Container> & { image: string },
  config: Partial<ContainerConfig> = {},
): Promise<{ sandbox: string; id: string; pod: Pod }> {
  const pulled = await runtime.pullImage(container.image, { policy: 'IfNotPresent' });
  if (!pulled.ok) throw new Error(pulled.message);
  const whole: Container = { name: 'main', ...container };
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a-pod', namespace: 'default', uid: randomUUID() },
    spec: { containers: [whole] },
  };
  const { id: sandbox } = await runtime.runPodSandbox({
    pod,
    ip: '127.0.0.1',
    bridge: { cidr: '', gateway: '' },
    hostname: 'a-pod',
  });
  const { id } = await runtime.createContainer(sandbox, {
    pod,
    container: whole,
    attempt: 0,
    imageId: pulled.imageId,
    env: [],
    command: whole.command,
    args: whole.args,
    mounts: [],
    ...config,
  });
  await runtime.startContainer(id);
  return { sandbox, id, pod };
}

/** Waits for a container's end. */
export async function ended(runtime: WasmRuntime, id: string): Promise<ContainerState> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      runtime.containerStatus(id).then((state) => {
        if (state?.state !== 'Exited') return;
        off();
        resolve(state);
      }, reject);
    };
    const off = runtime.onContainerEvent(look);
    look();
  });
}

export async function log(runtime: WasmRuntime, id: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const line of runtime.containerLogs(id, {})) chunks.push(line.data);
  return Buffer.concat(chunks).toString();
}
