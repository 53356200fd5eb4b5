import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../bus.ts';
import { withCondition } from './conditions.ts';
import type { Condition } from './kubernetes.ts';
import { type KubeObject, timestamp } from './object.ts';
import { matchLabelSelector } from './selectors.ts';

/** `Standby`: a singleton whose lease another kernel holds. */
export type PluginPhase =
  | 'Pending'
  | 'Starting'
  | 'Running'
  | 'Swapping'
  | 'Standby'
  | 'Skipped'
  | 'Failed'
  | 'Stopped';

/** In which kernels a plugin runs: those that meet all of it. */
export interface PluginPlacement {
  /** The process plays one of these: `server`, `node`; `orlop up` plays both. */
  roles?: string[];
  /** The Node the process stands for has all these labels. */
  nodeSelector?: { [key: string]: string };
}

/** How a plugin runs in one kernel. Each kernel writes its own. */
export interface PluginInstance {
  kernel: string;
  /** The node the kernel stands for. */
  node?: string;
  phase: PluginPhase;
  /** The `metadata.generation` whose spec that kernel has acted on; absent while it starts. */
  observedGeneration?: number;
  version?: string;
  revision?: number;
  kind?: string;
  isolation?: string;
  provides?: string[];
  healthy?: boolean;
  /** Why it waits, is skipped, failed or unhealthy. */
  message?: string;
  /** The same in one word of Kubernetes', e.g. `CrashLoopBackOff`, where there is one. */
  reason?: string;
  /** Times it was started again after a failure since the kernel started, and the process because of it since the object is there. */
  restarts?: number;
  /** The last failure, also when it runs again. */
  lastError?: string;
  /** Why what the spec asks for was not done. */
  refused?: string;
}

/** How far Secrets are written anew that encodings before the present one have stored. Written by the plugin that does it. */
export interface PluginMigration {
  /** Modules, with their configuration, by which Secrets may be stored beside what each kernel has of its own; kernels keep them running to decode. */
  encodings: Pick<PluginObject['spec'], 'module' | 'config'>[];
  /** Secrets that are still to be written anew, as far as it is known. */
  left: number;
  /** Whose encoding every Secret is stored by, as `encodersOf` names them; absent until then. */
  done?: string;
}

/** `orlop.dev/v1` `Plugin`: one plugin of the cluster, as asked for and as it runs. Cluster-scoped. */
export interface PluginObject extends KubeObject {
  /** The user's; what is absent is as the module and the kernel's own set of plugins have it. */
  spec: {
    /** A `file:` URL, path, npm package or blob (`blob:sha256-...`); absent for a standard plugin. */
    module?: string;
    /** What the module must declare, or it is refused. */
    kind?: string;
    version?: string;
    config?: { [key: string]: Json };
    /** `inline`, `worker/NAME`, or `process`: of a manifest. */
    isolation?: string;
    /** `limits.memory`: of the worker thread it runs in; see `Isolation`. */
    resources?: { limits?: { memory?: string } };
    /** Absent: where the kernel's own set of plugins has it; for any other, the role `server`. */
    placement?: PluginPlacement;
  };
  /** Of `instances`, and what they add up to: the rest tells of the one that is worst off. */
  status?: {
    phase: PluginPhase;
    /** The `metadata.generation` whose spec all kernels have acted on; the condition `Applied` and the phase tell the outcome. */
    observedGeneration?: number;
    version?: string;
    revision?: number;
    kind?: string;
    isolation?: string;
    provides?: string[];
    /** Whether it is healthy wherever it runs. */
    healthy?: boolean;
    message?: string;
    reason?: string;
    /** In any kernel: the last failure, also where it runs again. */
    lastError?: string;
    /** The kernels that run it. */
    kernels?: string[];
    instances?: PluginInstance[];
    /** Of one that encodes Secrets. */
    migration?: PluginMigration;
    conditions?: Condition[];
  };
}

/** Whether a placement includes a kernel with these roles (absent: all) that stands for a node with these labels (absent: for none). */
export function isPlaced(
  { roles, nodeSelector }: PluginPlacement,
  kernel: { roles?: readonly string[] | undefined; labels?: Readonly<Record<string, string>> | undefined },
): boolean {
  if (roles && kernel.roles && !roles.some((role) => kernel.roles!.includes(role))) return false;
  if (!nodeSelector || Object.keys(nodeSelector).length === 0) return true;
  return kernel.labels !== undefined && matchLabelSelector({ matchLabels: nodeSelector })(kernel.labels);
}

export function isPluginRunning({ phase }: Pick<PluginInstance, 'phase'>): boolean {
  return phase === 'Running' || phase === 'Swapping';
}

/** Worst first; where it is well and where it does not have to be come last. */
const ORDER: readonly PluginPhase[] = [
  'Failed',
  'Swapping',
  'Starting',
  'Running',
  'Pending',
  'Standby',
  'Skipped',
  'Stopped',
];

/** What a plugin's instances add up to; what others wrote is as it was `before`. */
export function pluginStatus(
  instances: readonly PluginInstance[],
  before?: PluginObject['status'],
): NonNullable<PluginObject['status']> {
  const { conditions, migration } = before ?? {};
  const rank = ({ phase, healthy }: PluginInstance): number => ORDER.indexOf(phase) - (healthy ? 0 : 0.5);
  const [worst] = [...instances].sort((a, b) => rank(a) - rank(b));
  const say = ({ kernel, node }: PluginInstance, text: string): string =>
    instances.length === 1 ? text : `${node ? `node ${node}` : `kernel ${kernel}`}: ${text}`;
  const refused = instances.find((each) => each.refused !== undefined);
  const next = refused || conditions ? [...withCondition(conditions, applied(refused, say))] : undefined;
  const kept = { ...(migration ? { migration } : {}), ...(next ? { conditions: next } : {}) };
  if (!worst) {
    const message = 'no kernel that is up runs it: see spec.module and spec.placement';
    return { phase: 'Pending', message, kernels: [], instances: [], ...kept };
  }
  const { phase, version, revision, kind, isolation, provides, message, reason } = worst;
  const running = instances.filter(isPluginRunning);
  const failing = worst.lastError === undefined ? instances.find((each) => each.lastError) : worst;
  const observed = instances.map(({ observedGeneration = 0 }) => observedGeneration);
  return {
    phase,
    ...(observed.includes(0) ? {} : { observedGeneration: Math.min(...observed) }),
    ...(version === undefined ? {} : { version, kind: kind!, isolation: isolation!, revision: revision! }),
    ...(provides ? { provides } : {}),
    ...(running.length > 0 || phase === 'Failed'
      ? { healthy: phase !== 'Failed' && running.every(({ healthy }) => healthy) }
      : {}),
    ...(message === undefined ? {} : { message: say(worst, message) }),
    ...(reason === undefined ? {} : { reason }),
    ...(failing ? { lastError: say(failing, failing.lastError!) } : {}),
    kernels: running.map(({ kernel }) => kernel),
    instances: [...instances],
    ...kept,
  };
}

/** What a kernel has to keep running to decode Secrets, beside what the spec asks for. */
export function encodingsToKeep(plugin: PluginObject): PluginMigration['encodings'] {
  if (isMigrated(plugin)) return [];
  const { metadata, spec, status } = plugin;
  const asked = metadata?.deletionTimestamp === undefined ? encodingOf(spec) : {};
  return (status?.migration?.encodings ?? []).filter((each) => !isDeepStrictEqual(each, asked));
}

/** Whether every Secret is known to be stored as the spec asks for, by all kernels. */
export function isMigrated(plugin: PluginObject): boolean {
  return plugin.status?.migration?.done === encodersOf(plugin);
}

/** The instances that encode, and the generation they are of: another swap makes others of them. */
export function encodersOf({ metadata, status }: PluginObject): string {
  const instances = (status?.instances ?? []).map(({ kernel, revision }) => `${kernel}:${revision}`);
  return [metadata?.generation, ...instances].join(' ');
}

/** What of a spec says how Secrets are encoded. */
export function encodingOf({
  module,
  config,
}: PluginObject['spec'] = {}): PluginMigration['encodings'][number] {
  return { ...(module === undefined ? {} : { module }), ...(config === undefined ? {} : { config }) };
}

function applied(
  refused: PluginInstance | undefined,
  say: (instance: PluginInstance, text: string) => string,
): Condition {
  return {
    type: 'Applied',
    status: refused ? 'False' : 'True',
    reason: refused ? (refused.reason ?? 'Refused') : 'AsAsked',
    message: refused ? say(refused, refused.refused!) : '',
    lastTransitionTime: timestamp(),
  };
}
