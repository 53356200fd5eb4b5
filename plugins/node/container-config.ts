import { ConfigMaps, type Container, type ContainerConfig, type Pod, Secrets, Services } from 'orlop/plugin';
import { containerEnv, type EnvSources, expandAll, type SourceKind } from './env.ts';
import type { NodeContext } from './node.ts';
import { serviceEnv } from './service-env.ts';
import { mountsOf, type VolumePaths } from './volumes.ts';

/** Whatever the cache holds: it has seen everything that was written before the pod was bound. */
const CACHED = { revision: 0 };

/** All a runtime needs to create a container. Throws `ConfigError` where an object or key it refers to is missing. */
export async function containerConfig(
  node: NodeContext,
  pod: Pod,
  container: Container,
  at: { attempt: number; imageId: string; podIP: string; volumes: VolumePaths; target: string | undefined },
): Promise<ContainerConfig> {
  const namespace = pod.metadata!.namespace!;
  const data = await referencedData(node, namespace, container);
  const sources: EnvSources = {
    data: (kind, name) => data.get(`${kind} ${name}`),
    podIP: at.podIP,
    hostIP: node.network.nodeIP,
    allocatable: node.allocatable,
    services: serviceEnv(await visibleServices(node, pod, namespace)),
  };
  const variables = containerEnv(pod, container, sources);
  return {
    pod,
    container,
    attempt: at.attempt,
    imageId: at.imageId,
    ...(at.target === undefined ? {} : { target: at.target }),
    env: [...variables].map(([name, value]) => ({ name, value })),
    command: expandAll(container.command, variables),
    args: expandAll(container.args, variables),
    mounts: await mountsOf(container, at.volumes, variables),
  };
}

async function referencedData(
  node: NodeContext,
  namespace: string,
  container: Container,
): Promise<Map<string, ReadonlyMap<string, string>>> {
  const wanted = new Map<string, { kind: SourceKind; name: string }>();
  const want = (kind: SourceKind, name: string | undefined): void => {
    if (name) wanted.set(`${kind} ${name}`, { kind, name });
  };
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    want('ConfigMap', configMapRef?.name);
    want('Secret', secretRef?.name);
  }
  for (const { valueFrom } of container.env ?? []) {
    want('ConfigMap', valueFrom?.configMapKeyRef?.name);
    want('Secret', valueFrom?.secretKeyRef?.name);
  }
  const found = new Map<string, ReadonlyMap<string, string>>();
  for (const [key, { kind, name }] of wanted) {
    const data = await read(node, kind, { namespace, name });
    if (data) found.set(key, data);
  }
  return found;
}

async function read(
  { objects }: NodeContext,
  kind: SourceKind,
  key: { namespace: string; name: string },
): Promise<Map<string, string> | undefined> {
  if (kind === 'ConfigMap') {
    const configMap = await objects.get(ConfigMaps, key, CACHED);
    return configMap && new Map(Object.entries(configMap.value.data ?? {}));
  }
  const secret = await objects.get(Secrets, key, CACHED);
  if (!secret) return undefined;
  const entries = Object.entries(secret.value.data ?? {});
  return new Map(entries.map(([name, base64]) => [name, Buffer.from(base64, 'base64').toString()]));
}

/** The API server always, the namespace's own unless `enableServiceLinks` is off. */
async function visibleServices({ objects }: NodeContext, pod: Pod, namespace: string) {
  const api = await objects.get(Services, { namespace: 'default', name: 'kubernetes' }, CACHED);
  const services = api ? [api.value] : [];
  if (pod.spec?.enableServiceLinks === false) return services;
  const list = await objects.list(Services, { namespace, ...CACHED });
  return [...services, ...list.items.map((item) => item.value)];
}
