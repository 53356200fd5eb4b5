import type { Duplex } from 'node:stream';
import type { Container, Pod } from '../model/kubernetes.ts';
import { services } from '../plugin.ts';
import type { Attachment } from './network.ts';

/**
 * `runtime.v1`: runs pods on a node. The calls, names and semantics follow the Container Runtime Interface (CRI `runtime.v1`).
 * Provided under the RuntimeClass handler's name. Only the node agent calls it. Ids are opaque, chosen by the runtime.
 *
 * Live workloads belong to the machine, not to the instance: after a restart of the kernel, `listPodSandbox` returns what still runs
 * (Docker), or nothing when it died with the process (WASM).
 */
export interface Runtime {
  /** The RuntimeClass handler, e.g. `docker`. */
  readonly handler: string;
  /** For `containerRuntimeVersion` of the Node, e.g. `docker://20.10.24`. */
  readonly version: string;
  readonly attachment: Attachment;

  /** True when this runtime can run the image though the pod names no RuntimeClass, e.g. an image that is a component. */
  claims?(image: string): boolean;

  /** Makes the image available. Idempotent. `pull: 'IfNotPresent' | 'Always' | 'Never'`. */
  pullImage(image: string, options: { policy: PullPolicy; signal?: AbortSignal }): Promise<PullResult>;

  /** Creates the pod's environment (address, cgroup, worker). Idempotent per pod uid. */
  runPodSandbox(config: PodSandboxConfig): Promise<{ id: string; ip: string }>;
  /** Ends all its containers at once and frees its address. Idempotent. */
  stopPodSandbox(id: string): Promise<void>;
  /** Removes what is left, containers and their logs included. Idempotent. */
  removePodSandbox(id: string): Promise<void>;
  listPodSandbox(): Promise<PodSandbox[]>;

  createContainer(sandboxId: string, config: ContainerConfig): Promise<{ id: string }>;
  startContainer(id: string): Promise<void>;
  /** SIGTERM (or the image's stop signal), then SIGKILL after `timeout` seconds. Returns when it has ended. Idempotent. */
  stopContainer(id: string, timeout: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  containerStatus(id: string): Promise<ContainerState | undefined>;
  /** Calls back when any container starts or ends; the returned function ends it. May repeat itself, must not miss an end. */
  onContainerEvent(listener: (event: ContainerEvent) => void): () => void;

  /** Ends with the log, or with the container when `follow`. Chunks are whole lines. */
  containerLogs(id: string, options: LogOptions): AsyncIterable<LogLine>;
  /** `timeout` in seconds, after which the command is killed and the call rejects. Rejects where nothing runs. */
  execSync(id: string, command: readonly string[], timeout: number): Promise<ExecResult>;
  /**
   * Absent: exec is not possible. `stdio` carries stdin in and stdout out, `stderr` what the process writes there. Destroying `stdio`
   * ends the process, as far as the runtime can; then `exitCode` may reject.
   */
  exec?(id: string, options: ExecOptions): Promise<ExecSession>;
  /**
   * The container's own streams from now on; input where it has `stdin`, which with `stdinOnce` ends with the first session that gave any.
   * Destroying `stdio` leaves the container alone. `exitCode` is 0, when the container has ended. Absent: its log is all there is to see.
   */
  attach?(id: string, options: { stdin: boolean }): Promise<ExecSession>;
  /**
   * Changes CPU and memory of a running container without a new start. What the runtime cannot change while it runs is a refusal; it
   * throws what may go better next time. Absent: it can change nothing.
   */
  updateContainerResources?(
    id: string,
    resources: NonNullable<Container['resources']>,
  ): Promise<{ ok: true } | { ok: false; message: string }>;
  /** What the container uses at this moment; `undefined` when it does not run. Absent: nobody knows. */
  containerStats?(id: string): Promise<ContainerStats | undefined>;
  /**
   * HTTP probe and proxy without a socket, where the runtime has a shorter way than the pod's address. Absent: use the network.
   * The answer's status code; rejects when there is none within `timeout` seconds.
   */
  httpGet?(
    sandboxId: string,
    request: { port: number; path: string; headers: [string, string][]; timeout: number },
  ): Promise<number>;
}

export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

/** Expected refusals are values: the reasons are kubelet's waiting reasons. */
export type PullResult =
  | { ok: true; imageId: string }
  | { ok: false; reason: 'ErrImagePull' | 'ErrImageNeverPull' | 'InvalidImageName'; message: string };

export interface PodSandboxConfig {
  pod: Pod;
  /** The address the network plugin gave the pod. */
  ip: string;
  bridge: { cidr: string; gateway: string };
  hostname: string;
}

export interface PodSandbox {
  id: string;
  podUid: string;
  namespace: string;
  name: string;
  ip: string;
  ready: boolean;
  containers: ContainerState[];
}

export interface ContainerConfig {
  pod: Pod;
  container: Container;
  /** How often it was restarted before; part of the container's identity. */
  attempt: number;
  imageId: string;
  /** Id of a running container of the pod whose process namespace it joins, where the runtime has such. */
  target?: string;
  /** All sources resolved and `$(VAR)` expanded. */
  env: readonly { name: string; value: string }[];
  command: readonly string[] | undefined;
  args: readonly string[] | undefined;
  mounts: readonly { hostPath: string; containerPath: string; readOnly: boolean; name: string }[];
}

export interface ContainerState {
  id: string;
  name: string;
  attempt: number;
  state: 'Created' | 'Running' | 'Exited';
  /** RFC 3339. */
  startedAt?: string;
  finishedAt?: string;
  exitCode?: number;
  /** `Completed`, `Error`, `OOMKilled`, ... */
  reason?: string;
  message?: string;
  imageId: string;
  image: string;
}

/** Named as in CRI's `ContainerStats`. */
export interface ContainerStats {
  /** When it was measured; milliseconds since the epoch. */
  timestamp: number;
  /** CPU time used since the container's start, over all cores; never falls. */
  usageCoreNanoSeconds: number;
  /** Memory that cannot be taken away at once. */
  workingSetBytes: number;
}

export interface ContainerEvent {
  type: 'started' | 'exited';
  sandboxId: string;
  containerId: string;
  podUid: string;
}

export interface LogOptions {
  follow?: boolean;
  /** Only the last this many lines. */
  tailLines?: number;
  /** Only lines not older; RFC 3339. */
  since?: string;
  signal?: AbortSignal;
}

export interface LogLine {
  /** RFC 3339 with nanoseconds where the runtime has them. */
  time: string;
  stream: 'stdout' | 'stderr';
  /** With its newline, unless the log ends without. */
  data: Uint8Array;
}

export interface ExecResult {
  exitCode: number;
  stdout: Uint8Array;
  stderr: Uint8Array;
}

export interface ExecOptions {
  command: readonly string[];
  tty: boolean;
  stdin: boolean;
}

export interface ExecSession {
  stdio: Duplex;
  stderr: AsyncIterable<Uint8Array> | undefined;
  resize(width: number, height: number): Promise<void>;
  exitCode: Promise<number>;
}

export const Runtimes = services<Runtime>('runtime.v1');
