import { setMaxListeners } from 'node:events';
import {
  type AttachParams,
  type Context,
  type ExecParams,
  eventRecorder,
  type Instance,
  type Json,
  KUBERNETES_RELEASE,
  Lasting,
  type LogsParams,
  nodeSubject,
  type PodNetwork,
  type PortForwardParams,
  type Runtimes,
  type VolumeDrivers,
} from 'orlop/plugin';
import { CRASH_LOOP } from './backoff.ts';
import type { Config } from './config.ts';
import { KubeletServer } from './kubelet/server.ts';
import { serveLogs } from './logs.ts';
import { PodManager } from './manager.ts';
import type { NodeContext } from './node.ts';
import { allocatable, type NodeDescription, readMachine } from './node-object.ts';
import { Registration } from './registration.ts';
import { stopPods } from './shutdown.ts';
import { StatsCollector } from './stats/collector.ts';
import { serveAttach } from './streams/attach.ts';
import { serveExec } from './streams/exec.ts';
import { servePortForward } from './streams/portforward.ts';

type Requires = { runtimes: typeof Runtimes; volumes: typeof VolumeDrivers; network: typeof PodNetwork };

/** Starts the agent of the node this kernel stands for. */
export async function startAgent(ctx: Context<Config, Requires>): Promise<Instance> {
  const name = ctx.kernel.node;
  if (name === undefined) ctx.skip('this kernel stands for no node');
  const { runtimes, volumes, network } = ctx.services;
  const machine = readMachine(ctx.dataDir);
  const ended = new AbortController();
  const node: NodeContext = {
    name,
    config: ctx.config,
    objects: ctx.objects,
    runtimes,
    volumes,
    network,
    events: eventRecorder(ctx, 'kubelet', name),
    log: ctx.log,
    dataDir: ctx.dataDir,
    signal: AbortSignal.any([ctx.signal, ended.signal]),
    crashLoop: {
      base: ctx.config.crashLoopBaseMs,
      max: Math.max(CRASH_LOOP.max, ctx.config.crashLoopBaseMs),
    },
    allocatable: allocatable(machine),
  };
  // Every pod may listen to it.
  setMaxListeners(0, node.signal);
  ctx.defer(() => ended.abort());

  const describe = (): NodeDescription => ({
    name,
    machine,
    version: `v${KUBERNETES_RELEASE}+orlop-${ctx.kernel.version}`,
    maxPods: ctx.config.maxPods,
    nodeIP: network.nodeIP,
    podCIDR: network.podCIDR,
    runtimeVersions: [...runtimes.values()].map((runtime) => runtime.version),
  });
  const registration = new Registration(ctx, node.events, describe, () => runtimes.keys());
  ctx.defer(() => registration.close());
  await registration.start();

  let own = new PodManager(node);
  ctx.defer(() => own.close());
  await own.start();
  // Of the pods that end with the agent: those of one that is unwound are its predecessor's. Who is asked about pods until a swap flips is the
  // predecessor, which has drained: it answers by what its successor knows.
  const lasting =
    Lasting.take<{ pods: PodManager }>(ctx.inherited?.schema === 2 && ctx.inherited.state) ??
    new Lasting<{ pods: PodManager }>({ pods: own });
  const current = lasting.value;
  current.pods = own;

  const logs = ctx.bus.acceptStreams(nodeSubject(name, 'logs'), (params, stream) =>
    serveLogs(current.pods, params as unknown as LogsParams, stream),
  );
  ctx.defer(() => logs.close());
  const exec = ctx.bus.acceptStreams(nodeSubject(name, 'exec'), (params, stream) =>
    serveExec(current.pods, params as unknown as ExecParams, stream),
  );
  ctx.defer(() => exec.close());
  const attach = ctx.bus.acceptStreams(nodeSubject(name, 'attach'), (params, stream) =>
    serveAttach(current.pods, params as unknown as AttachParams, stream),
  );
  ctx.defer(() => attach.close());
  const forward = ctx.bus.acceptStreams(nodeSubject(name, 'portforward'), (params, stream) =>
    servePortForward(current.pods, params as unknown as PortForwardParams, stream),
  );
  ctx.defer(() => forward.close());
  const collector = new StatsCollector(() => current.pods, ctx.log, node.signal);
  const stats = ctx.bus.serve(
    nodeSubject(name, 'stats'),
    async () => (await collector.read()) as unknown as Json,
  );
  ctx.defer(() => stats.close());
  const http = new KubeletServer({
    nodeName: name,
    pods: () => [...current.pods.all()].map(({ pod }) => pod),
    stats: () => collector.read(),
  });
  ctx.defer(() => http.close());
  const kubelet = ctx.bus.acceptStreams(nodeSubject(name, 'kubelet'), (_params, stream) =>
    http.serve(stream),
  );
  ctx.defer(() => kubelet.close());
  let drained = false;
  return {
    health: () => registration.health(),
    // Two agents must never act on one pod: the successor finds all it needs in the store and the runtimes.
    async drain() {
      drained = true;
      await own.close();
      return { schema: 2, state: lasting.offer() };
    },
    // After a drain the pods are the successor's.
    async stop() {
      if (!lasting.release() || drained || !ctx.config.stopPodsAtExit) return;
      await own.close();
      await stopPods(node);
    },
    async resume() {
      drained = false;
      lasting.withdraw();
      own = new PodManager(node);
      current.pods = own;
      await own.start();
    },
  };
}
