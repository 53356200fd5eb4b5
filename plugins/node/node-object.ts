import { readFileSync, statfsSync } from 'node:fs';
import { arch, cpus, hostname, platform, release, totalmem } from 'node:os';
import { type Node, timestamp, withCondition } from 'orlop/plugin';

/** What the machine is; read once. */
export interface Machine {
  cpus: number;
  /** Bytes. */
  memory: number;
  /** Bytes of the file system that what pods write lies on. */
  storage: number;
  hostname: string;
  operatingSystem: string;
  /** As Go names it: `amd64`, `arm64`. */
  architecture: string;
  kernelVersion: string;
  osImage: string;
  machineID: string;
  bootID: string;
}

/** `dataDir`: on the file system whose size is a node's ephemeral storage. */
export function readMachine(dataDir: string): Machine {
  const { blocks, bsize } = statfsSync(dataDir);
  return {
    cpus: cpus().length,
    memory: totalmem(),
    storage: blocks * bsize,
    hostname: hostname(),
    operatingSystem: platform() === 'win32' ? 'windows' : platform(),
    architecture: { x64: 'amd64', ia32: '386' }[arch() as string] ?? arch(),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(text('/etc/os-release'))?.[1] ?? platform(),
    machineID: text('/etc/machine-id').trim(),
    bootID: text('/proc/sys/kernel/random/boot_id').trim(),
  };
}

export interface NodeDescription {
  name: string;
  machine: Machine;
  version: string;
  maxPods: number;
  nodeIP: string;
  podCIDR: string;
  /** e.g. `docker://20.10.24`, the default one first. */
  runtimeVersions: readonly string[];
}

/** What a pod may have: CPU in cores, the rest in bytes. */
export function allocatable(machine: Machine): Record<string, number> {
  return { cpu: machine.cpus, memory: machine.memory, 'ephemeral-storage': machine.storage };
}

/** The Node object with all that the agent keeps in it set; what others keep (labels, taints, `unschedulable`) stays. */
export function describeNode(old: Node | undefined, node: NodeDescription, now = new Date()): Node {
  const { machine, name, nodeIP, podCIDR } = node;
  const resources = {
    cpu: String(machine.cpus),
    'ephemeral-storage': `${Math.floor(machine.storage / 1024)}Ki`,
    memory: `${Math.floor(machine.memory / 1024)}Ki`,
    pods: String(node.maxPods),
  };
  let conditions = old?.status?.conditions ?? [];
  for (const [type, status, reason, message] of CONDITIONS) {
    const condition = { type, status, reason, message };
    const next = withCondition(conditions, condition as (typeof conditions)[number]);
    conditions = [...next];
  }
  const heartbeat = timestamp(now);
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      ...old?.metadata,
      name,
      labels: {
        ...old?.metadata?.labels,
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': machine.operatingSystem,
        'kubernetes.io/arch': machine.architecture,
      },
    },
    spec: { ...old?.spec, podCIDR, podCIDRs: [podCIDR] },
    status: {
      ...old?.status,
      capacity: resources,
      allocatable: resources,
      addresses: [
        { type: 'InternalIP', address: nodeIP },
        { type: 'Hostname', address: name },
      ],
      conditions: conditions.map((each) => ({ ...each, lastHeartbeatTime: heartbeat })),
      nodeInfo: {
        architecture: machine.architecture,
        bootID: machine.bootID,
        containerRuntimeVersion: node.runtimeVersions.join(', '),
        kernelVersion: machine.kernelVersion,
        kubeProxyVersion: '',
        kubeletVersion: node.version,
        machineID: machine.machineID,
        operatingSystem: machine.operatingSystem,
        osImage: machine.osImage,
        systemUUID: machine.machineID,
      },
    },
  };
}

const CONDITIONS = [
  ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'node has sufficient memory available'],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'node has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'node has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'the node agent is ready'],
] as const;

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
