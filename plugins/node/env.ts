import type { Container, EnvVar, Pod } from 'orlop/plugin';
import { expand } from './expand.ts';
import { podField } from './fields.ts';
import { type Amounts, resourceField } from './resource-fields.ts';

export type SourceKind = 'ConfigMap' | 'Secret';

/** Where variables come from besides the pod. */
export interface EnvSources {
  /** The data of a ConfigMap or Secret of the pod's namespace, or `undefined` when there is none. */
  data(kind: SourceKind, name: string): ReadonlyMap<string, string> | undefined;
  podIP: string;
  hostIP: string;
  /** What an absent limit means: all of the node. */
  allocatable: Amounts;
  /** `FOO_SERVICE_HOST` and the like; the weakest source. */
  services: ReadonlyMap<string, string>;
}

/** A container whose environment cannot be made: kubelet's CreateContainerConfigError. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Variables = Map<string, string>;

/** All of a container's variables, in kubelet's order: services, then `envFrom`, then `env`, later ones winning. Throws `ConfigError`. */
export function containerEnv(pod: Pod, container: Container, sources: EnvSources): Variables {
  const variables: Variables = new Map(sources.services);
  for (const from of container.envFrom ?? []) {
    const kind: SourceKind = from.configMapRef ? 'ConfigMap' : 'Secret';
    const reference = from.configMapRef ?? from.secretRef;
    if (!reference?.name) continue;
    const data = sources.data(kind, reference.name);
    if (!data) {
      if (reference.optional) continue;
      throw missing(kind, reference.name);
    }
    for (const [key, value] of data) variables.set(`${from.prefix ?? ''}${key}`, value);
  }
  for (const each of container.env ?? []) {
    const value = each.valueFrom
      ? valueFrom(pod, container, each, sources)
      : expand(each.value ?? '', variables);
    if (value !== undefined) variables.set(each.name, value);
  }
  return variables;
}

/** `command` and `args` with `$(VAR)` expanded. */
export function expandAll(
  words: readonly string[] | undefined,
  variables: ReadonlyMap<string, string>,
): string[] | undefined {
  return words?.map((word) => expand(word, variables));
}

function valueFrom(pod: Pod, container: Container, env: EnvVar, sources: EnvSources): string | undefined {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = env.valueFrom ?? {};
  if (fieldRef) {
    const value = podField(pod, fieldRef.fieldPath, sources);
    if (value === undefined) throw new ConfigError(`unsupported fieldPath: ${fieldRef.fieldPath}`);
    return value;
  }
  if (resourceFieldRef) {
    const named = containerNamed(pod, resourceFieldRef.containerName) ?? container;
    return resourceField(named, resourceFieldRef.resource, resourceFieldRef.divisor, sources.allocatable);
  }
  const reference = configMapKeyRef ?? secretKeyRef;
  if (!reference?.name) return undefined;
  const kind: SourceKind = configMapKeyRef ? 'ConfigMap' : 'Secret';
  const data = sources.data(kind, reference.name);
  const value = data?.get(reference.key);
  if (value !== undefined || reference.optional) return value;
  if (!data) throw missing(kind, reference.name);
  throw new ConfigError(
    `couldn't find key ${reference.key} in ${kind} ${pod.metadata?.namespace}/${reference.name}`,
  );
}

function containerNamed(pod: Pod, name: string | undefined): Container | undefined {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return all.find((container) => container.name === name);
}

function missing(kind: SourceKind, name: string): ConfigError {
  return new ConfigError(`${kind.toLowerCase()} "${name}" not found`);
}
