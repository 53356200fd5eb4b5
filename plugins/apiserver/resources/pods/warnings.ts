import {
  type Container,
  type KubeObject,
  type ObjectMeta,
  type PodSpec,
  type PodTemplateSpec,
  parseQuantity,
} from 'orlop/plugin';
import { same } from '../checks.ts';
import { dns1123Label } from '../names.ts';
import { deprecatedLabel, labelsOfTerm } from '../nodes/labels.ts';

/** Source of all: kubernetes `pkg/api/pod/warnings.go` and `pkg/registry/core/pod/strategy.go`. */
export function podWarnings({ metadata = {}, spec }: KubeObject & { spec?: PodSpec }): string[] {
  return [...nameWarnings(metadata.name, "the Pod's hostname"), ...ofPod('', spec, metadata)];
}

/** Of a kind that makes pods; when it is updated, only if its spec changes. */
export function workloadWarnings<T extends KubeObject & { spec?: { template?: PodTemplateSpec } }>(
  next: T,
  old?: T,
): string[] {
  if (old && same(next.spec, old.spec)) return [];
  const { template } = next.spec ?? {};
  return [
    ...(old ? [] : nameWarnings(next.metadata?.name, 'Pod names and hostnames')),
    ...templateWarnings(template, 'spec.template'),
  ];
}

export function templateWarnings(template: PodTemplateSpec | undefined, field: string): string[] {
  return ofPod(`${field}.`, template?.spec, template?.metadata ?? {});
}

export function nameWarnings(name: string | undefined, use: string): string[] {
  const wrong = name === undefined ? [] : dns1123Label(name);
  if (wrong.length === 0) return [];
  return [
    `metadata.name: this is used in ${use}, which can result in surprising behavior; a DNS label is recommended: [${wrong.join(' ')}]`,
  ];
}

function ofPod(at: string, spec: PodSpec | undefined, { annotations = {} }: ObjectMeta): string[] {
  if (!spec) return [];
  const containers = containersOf(spec, `${at}spec`);
  return [
    ...placement(spec, `${at}spec`),
    ...Object.entries(NON_FUNCTIONAL).flatMap(([key, message]) =>
      key in annotations ? [`${at}metadata.annotations[${key}]: ${message}`] : [],
    ),
    ...(spec.volumes ?? []).flatMap((volume, i) =>
      Object.entries(DEPRECATED_VOLUMES).flatMap(([source, message]) =>
        source in volume ? [`${at}spec.volumes[${i}].${source}: ${message}`] : [],
      ),
    ),
    ...twice(spec.hostAliases ?? [], 'ip', `${at}spec.hostAliases`),
    ...twice(spec.imagePullSecrets ?? [], 'name', `${at}spec.imagePullSecrets`),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name }, i) =>
      name ? [] : [`${at}spec.imagePullSecrets[${i}].name: invalid empty name ""`],
    ),
    ...fractions(spec.overhead, `${at}spec.overhead`),
    ...containers.flatMap(([container, field]) => [
      ...fractions(container.resources?.limits, `${field}.resources.limits`),
      ...fractions(container.resources?.requests, `${field}.resources.requests`),
      ...environment(container, `${field}.env`),
    ]),
    ...ports(containers),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [
          `${at}spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
        ]
      : []),
  ];
}

type Placed = readonly [container: Container, field: string];

function containersOf(spec: PodSpec, at: string): Placed[] {
  return (['initContainers', 'containers'] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, i): Placed => [container, `${at}.${list}[${i}]`]),
  );
}

const NON_FUNCTIONAL: Readonly<Record<string, string>> = {
  'scheduler.alpha.kubernetes.io/critical-pod':
    'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'seccomp.security.alpha.kubernetes.io/pod':
    'non-functional in v1.27+; use the "seccompProfile" field instead',
};

const DEPRECATED_VOLUMES: Readonly<Record<string, string>> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
};

function placement(spec: PodSpec, at: string): string[] {
  const { nodeAffinity, podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
  const matchesNone = (selector: unknown, field: string): string[] =>
    selector ? [] : [`${field}: a null labelSelector results in matching no pod`];
  return [
    ...Object.keys(spec.nodeSelector ?? {}).flatMap((key) =>
      deprecatedLabel(key, (message) => `${at}.nodeSelector[${key}]: ${message}`),
    ),
    ...(nodeAffinity?.[required]?.nodeSelectorTerms ?? []).flatMap((term, i) =>
      labelsOfTerm(term, `${at}.affinity.nodeAffinity.${required}.nodeSelectorTerms[${i}]`),
    ),
    ...(nodeAffinity?.[preferred] ?? []).flatMap(({ preference }, i) =>
      labelsOfTerm(preference, `${at}.affinity.nodeAffinity.${preferred}[${i}].preference`),
    ),
    ...(spec.topologySpreadConstraints ?? []).flatMap(({ topologyKey, labelSelector }, i) => {
      const field = `${at}.topologySpreadConstraints[${i}]`;
      return [
        ...deprecatedLabel(topologyKey, (message) => `${field}.topologyKey: ${topologyKey} is ${message}`),
        ...matchesNone(labelSelector, `${field}.labelSelector`),
      ];
    }),
    ...Object.entries({ podAffinity, podAntiAffinity }).flatMap(([name, affinity]) => [
      ...(affinity?.[required] ?? []).flatMap(({ labelSelector }, i) =>
        matchesNone(labelSelector, `${at}.affinity.${name}.${required}[${i}].labelSelector`),
      ),
      ...(affinity?.[preferred] ?? []).flatMap(({ podAffinityTerm }, i) =>
        matchesNone(
          podAffinityTerm?.labelSelector,
          `${at}.affinity.${name}.${preferred}[${i}].podAffinityTerm.labelSelector`,
        ),
      ),
    ]),
  ];
}

function twice<K extends string>(list: readonly { [key in K]?: string }[], key: K, field: string): string[] {
  const seen = new Set<string>();
  return list.flatMap((item, i) => {
    const value = item[key] ?? '';
    if (seen.has(value)) return [`${field}[${i}].${key}: duplicate ${key} ${JSON.stringify(value)}`];
    seen.add(value);
    return [];
  });
}

function fractions(amounts: Readonly<Record<string, string>> | undefined, field: string): string[] {
  return ['memory', 'ephemeral-storage'].flatMap((resource) =>
    fraction(amounts?.[resource], `${field}[${resource}]`),
  );
}

/** Of a quantity that counts bytes. */
export function fraction(value: string | undefined, field: string): string[] {
  return value === undefined || Number.isInteger(parseQuantity(value) ?? 0)
    ? []
    : [`${field}: fractional byte value ${JSON.stringify(value)} is invalid, must be an integer`];
}

/** A second value that does not build on the first hides it. */
function environment({ env = [] }: Container, field: string): string[] {
  const seen = new Set<string>();
  return env.flatMap(({ name, value = '', valueFrom }, i) => {
    const isSecond = seen.has(name);
    seen.add(name);
    const reference = `$(${name})`;
    const isFine = !valueFrom && value !== reference && value.includes(reference);
    return isSecond && !isFine
      ? [
          `${field}[${i}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
        ]
      : [];
  });
}

function ports(containers: readonly Placed[]): string[] {
  const seen = new Map<string, { at: string; hostIP: string; hostPort: number }[]>();
  return containers.flatMap(([container, field]) =>
    (container.ports ?? []).flatMap(({ containerPort, protocol, hostIP = '', hostPort = 0 }, i) => {
      const at = `${field}.ports[${i}]`;
      const key = `${containerPort}/${protocol}`;
      const others = seen.get(key) ?? [];
      seen.set(key, [...others, { at, hostIP, hostPort }]);
      return others.flatMap((other) => {
        if (hostIP === other.hostIP && hostPort === other.hostPort)
          return [`${at}: duplicate port definition with ${other.at}`];
        if (hostPort === 0 || other.hostPort === 0)
          return [`${at}: overlapping port definition with ${other.at}`];
        const isAmbiguous = hostPort === other.hostPort && (hostIP === '') !== (other.hostIP === '');
        return isAmbiguous ? [`${at}: dangerously ambiguous port definition with ${other.at}`] : [];
      });
    }),
  );
}
