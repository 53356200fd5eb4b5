import { tolerates } from 'orlop/plugin';
import type { Filter, SchedulingPlugin } from './framework.ts';
import { interPodAffinity } from './interpod.ts';
import type { NodeTable } from './nodes.ts';
import type { PodInfo } from './pod.ts';
import { podTopologySpread } from './spread.ts';

const UNSCHEDULABLE = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

function filter(reason: string, fits: (row: number) => boolean): Filter {
  return { fits, reasons: () => [reason] };
}

export const nodeUnschedulable: SchedulingPlugin = {
  name: 'NodeUnschedulable',
  filter(pod, nodes) {
    if (pod.tolerations.some((toleration) => tolerates(toleration, UNSCHEDULABLE))) return undefined;
    return filter('node(s) were unschedulable', (row) => nodes.unschedulable[row] === 0);
  },
};

export const nodeAffinity: SchedulingPlugin = {
  name: 'NodeAffinity',
  filter(pod, nodes) {
    return filter("node(s) didn't match Pod's node affinity/selector", (row) =>
      pod.matchesNode(nodes.labels[row]!, nodes.nodeName(row)),
    );
  },
  score(pod, nodes) {
    const { preferredNodes } = pod;
    if (preferredNodes.length === 0) return undefined;
    return {
      weight: 2,
      scale: 'max',
      score(row) {
        let sum = 0;
        for (const each of preferredNodes) {
          if (each.matches(nodes.labels[row]!, nodes.nodeName(row))) sum += each.weight;
        }
        return sum;
      },
    };
  },
};

export const taintToleration: SchedulingPlugin = {
  name: 'TaintToleration',
  filter(pod, nodes) {
    return filter('node(s) had untolerated taint(s)', (row) => untolerated(pod, nodes.taints[row]!) === 0);
  },
  score(pod, nodes) {
    return { weight: 3, scale: 'reverse', score: (row) => untolerated(pod, nodes.softTaints[row]!) };
  },
};

function untolerated(pod: PodInfo, taints: NodeTable['taints'][number]): number {
  let count = 0;
  for (let index = 0; index < taints.length; index++) {
    const taint = taints[index]!;
    if (!pod.tolerations.some((toleration) => tolerates(toleration, taint))) count += 1;
  }
  return count;
}

export const nodePorts: SchedulingPlugin = {
  name: 'NodePorts',
  filter(pod, nodes) {
    if (pod.hostPorts.length === 0) return undefined;
    return filter("node(s) didn't have free ports for the requested pod ports", (row) => {
      for (const used of nodes.hostPorts(row).keys()) {
        for (const wanted of pod.hostPorts) if (collide(used, wanted)) return false;
      }
      return true;
    });
  },
};

/** Same protocol and port, and the same address unless one is the wildcard. */
function collide(a: string, b: string): boolean {
  const [protocolA, addressA, portA] = a.split('/');
  const [protocolB, addressB, portB] = b.split('/');
  if (protocolA !== protocolB || portA !== portB) return false;
  return addressA === addressB || addressA === '0.0.0.0' || addressB === '0.0.0.0';
}

export const nodeResourcesFit: SchedulingPlugin = {
  name: 'NodeResourcesFit',
  filter(pod, nodes) {
    const wanted = pod.requests.map(([resource, amount]) => ({
      resource,
      amount,
      column: nodes.column(resource),
    }));
    return {
      fits(row) {
        for (let index = 0; index < wanted.length; index++) {
          const { column, amount } = wanted[index]!;
          if (column.requested[row]! + amount > column.allocatable[row]!) return false;
        }
        return true;
      },
      reasons(row) {
        return wanted
          .filter(({ column, amount }) => column.requested[row]! + amount > column.allocatable[row]!)
          .map(({ resource }) => (resource === 'pods' ? 'Too many pods' : `Insufficient ${resource}`));
      },
    };
  },
  /** LeastAllocated: the more CPU and memory stay free, the better. */
  score(pod, nodes) {
    const [cpu, memory] = [nodes.column('cpu').allocatable, nodes.column('memory').allocatable];
    return {
      weight: 1,
      scale: 'none',
      score: (row) =>
        (freeShare(cpu[row]!, nodes.scoredCpu[row]! + pod.scoredCpu) +
          freeShare(memory[row]!, nodes.scoredMemory[row]! + pod.scoredMemory)) *
        50,
    };
  },
};

export const nodeResourcesBalancedAllocation: SchedulingPlugin = {
  name: 'NodeResourcesBalancedAllocation',
  score(pod, nodes) {
    const [cpu, memory] = [nodes.column('cpu').allocatable, nodes.column('memory').allocatable];
    return {
      weight: 1,
      scale: 'none',
      // Of two fractions the standard deviation is half their distance.
      score: (row) =>
        100 -
        Math.abs(
          freeShare(cpu[row]!, nodes.scoredCpu[row]! + pod.scoredCpu) -
            freeShare(memory[row]!, nodes.scoredMemory[row]! + pod.scoredMemory),
        ) *
          50,
    };
  },
};

function freeShare(allocatable: number, used: number): number {
  return allocatable === 0 || used >= allocatable ? 0 : (allocatable - used) / allocatable;
}

/** Spreads the pods of one controller over the nodes; upstream's default PodTopologySpread by host name. */
export const controllerSpread: SchedulingPlugin = {
  name: 'ControllerSpread',
  score(pod, nodes) {
    const counts = nodes.ownerCounts(pod.owner);
    if (!counts) return undefined;
    return { weight: 2, scale: 'reverse', score: (row) => counts.get(row) ?? 0 };
  },
};

/** In the order upstream runs them: the first that fails gives a node's reason. */
export const defaultPlugins: readonly SchedulingPlugin[] = [
  nodeUnschedulable,
  taintToleration,
  nodeAffinity,
  nodePorts,
  nodeResourcesFit,
  podTopologySpread,
  interPodAffinity,
  nodeResourcesBalancedAllocation,
  controllerSpread,
];
