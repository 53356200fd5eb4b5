import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import {
  type Container,
  type ContainerConfig,
  type Pod,
  type PodSandboxConfig,
  parseQuantity,
} from 'orlop/plugin';
import { containerName, LABEL, podLabels, sandboxName } from './labels.ts';
import { PAUSE_IMAGE } from './pause.ts';

/** As the kubelet's defaults `containerLogMaxSize` and `containerLogMaxFiles`. */
const LOGS = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '5' } };
const CPU_PERIOD = 100_000;
const MIN_CPU_QUOTA = 1_000;

/** The pause container: it holds the pod's address, hostname, resolver and shared memory. */
export function sandboxOptions(
  instance: string,
  config: PodSandboxConfig,
  network: string,
): ContainerCreateOptions {
  const { pod, ip, hostname } = config;
  const host = pod.spec?.hostNetwork === true;
  return {
    name: sandboxName(pod),
    Image: PAUSE_IMAGE,
    ...(host ? {} : { Hostname: hostname }),
    Labels: { ...podLabels(instance, pod), [LABEL.type]: 'sandbox', [LABEL.ip]: ip },
    HostConfig: {
      NetworkMode: host ? 'host' : network,
      IpcMode: pod.spec?.hostIPC ? 'host' : 'shareable',
      ...(pod.spec?.hostPID ? { PidMode: 'host' } : {}),
      RestartPolicy: { Name: 'no' },
      LogConfig: LOGS,
      ...resolver(pod),
    },
    ...(host
      ? {}
      : { NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: ip } } } } }),
  };
}

function resolver(pod: Pod): HostConfig {
  const { dnsConfig, hostAliases } = pod.spec ?? {};
  return {
    ...(dnsConfig?.nameservers ? { Dns: dnsConfig.nameservers } : {}),
    ...(dnsConfig?.searches ? { DnsSearch: dnsConfig.searches } : {}),
    ...(dnsConfig?.options
      ? { DnsOptions: dnsConfig.options.map(({ name, value }) => (value ? `${name}:${value}` : `${name}`)) }
      : {}),
    ...(hostAliases
      ? {
          ExtraHosts: hostAliases.flatMap(({ hostnames = [], ip }) =>
            hostnames.map((name) => `${name}:${ip}`),
          ),
        }
      : {}),
  };
}

/** A container of a pod, inside the namespaces of its sandbox. */
export function containerOptions(
  instance: string,
  sandboxId: string,
  config: ContainerConfig,
): ContainerCreateOptions {
  const { pod, container, attempt } = config;
  const shared = `container:${sandboxId}`;
  return {
    name: containerName(pod, container, attempt),
    Image: config.imageId,
    Labels: {
      ...podLabels(instance, pod),
      [LABEL.type]: 'container',
      [LABEL.sandbox]: sandboxId,
      [LABEL.container]: container.name,
      [LABEL.attempt]: String(attempt),
      [LABEL.image]: container.image ?? '',
    },
    Env: config.env.map(({ name, value }) => `${name}=${value}`),
    ...(config.command ? { Entrypoint: [...config.command] } : {}),
    ...(config.args ? { Cmd: [...config.args] } : {}),
    ...(container.workingDir ? { WorkingDir: container.workingDir } : {}),
    Tty: container.tty === true,
    OpenStdin: container.stdin === true,
    StdinOnce: container.stdinOnce === true,
    ...user(pod, container),
    HostConfig: {
      NetworkMode: shared,
      IpcMode: pod.spec?.hostIPC ? 'host' : shared,
      ...(pod.spec?.hostPID
        ? { PidMode: 'host' }
        : pod.spec?.shareProcessNamespace
          ? { PidMode: shared }
          : config.target
            ? { PidMode: `container:${config.target}` }
            : {}),
      RestartPolicy: { Name: 'no' },
      LogConfig: LOGS,
      Mounts: config.mounts.map((mount) => ({
        Type: 'bind' as const,
        Source: mount.hostPath,
        Target: mount.containerPath,
        ReadOnly: mount.readOnly,
      })),
      ...computeLimits(container.resources),
      ...security(pod, container),
    },
  };
}

function user(pod: Pod, container: Container): { User?: string } {
  const uid = container.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser;
  const gid = container.securityContext?.runAsGroup ?? pod.spec?.securityContext?.runAsGroup;
  if (uid === undefined) return {};
  return { User: gid === undefined ? String(uid) : `${uid}:${gid}` };
}

export function computeLimits({ limits, requests }: NonNullable<Container['resources']> = {}): HostConfig {
  const cpu = parseQuantity(limits?.['cpu'] ?? '');
  const memory = parseQuantity(limits?.['memory'] ?? '');
  const share = parseQuantity(requests?.['cpu'] ?? limits?.['cpu'] ?? '');
  return {
    ...(cpu
      ? { CpuPeriod: CPU_PERIOD, CpuQuota: Math.max(MIN_CPU_QUOTA, Math.round(cpu * CPU_PERIOD)) }
      : {}),
    ...(memory ? { Memory: Math.round(memory), MemorySwap: Math.round(memory) } : {}),
    CpuShares: Math.max(2, Math.round((share ?? 0) * 1024)),
  };
}

function security(pod: Pod, container: Container): HostConfig {
  const context = container.securityContext ?? {};
  const { fsGroup, supplementalGroups = [] } = pod.spec?.securityContext ?? {};
  const groups = [...supplementalGroups, ...(fsGroup === undefined ? [] : [fsGroup])];
  return {
    Privileged: context.privileged === true,
    ReadonlyRootfs: context.readOnlyRootFilesystem === true,
    CapAdd: context.capabilities?.add ?? [],
    CapDrop: context.capabilities?.drop ?? [],
    SecurityOpt: context.allowPrivilegeEscalation === false ? ['no-new-privileges'] : [],
    GroupAdd: groups.map(String),
  };
}

/** Why a container that must not run as root would; `undefined` when it would not. `imageUser`: the image's `USER`. */
export function refuseRoot(pod: Pod, container: Container, imageUser: string): string | undefined {
  const mustNot = container.securityContext?.runAsNonRoot ?? pod.spec?.securityContext?.runAsNonRoot;
  if (!mustNot) return undefined;
  const { User } = user(pod, container);
  const name = (User ?? imageUser).split(':')[0]!;
  if (/^\d+$/.test(name)) {
    return Number(name) === 0 ? 'container has runAsNonRoot and would run as root (uid 0)' : undefined;
  }
  return name === ''
    ? 'container has runAsNonRoot and image will run as root'
    : `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root`;
}
