import {
  apiVersionOf,
  type KubeObject,
  type Measured,
  type NodeStats,
  Nodes,
  nodeSubject,
  Pods,
  type Resource,
  StatusError,
  timestamp,
  type Usage,
} from 'orlop/plugin';
import { listQuery } from '../http/options.ts';
import type { NodeMetrics, PodMetrics } from '../resources/kinds/metrics.ts';
import type { Call } from './call.ts';
import { sendMade } from './made.ts';
import { sendObject } from './present.ts';
import { selection } from './selection.ts';

/** A node takes a window's second, and as long as its runtimes do. */
const ASK_MS = 8_000;

type Metrics = NodeMetrics | PodMetrics;

/** GET of what nodes and pods use: asked of the node agents. A node that does not answer is missing. Source: metrics-server `pkg/api`. */
export async function metrics(call: Call): Promise<void> {
  const { row, path } = call;
  if (path.name === undefined) return sendMade(call, await collect(call));
  const [found] = await collect(call);
  if (found) return sendObject(call, 200, found);
  const name = path.namespace === undefined ? path.name : `${path.namespace}/${path.name}`;
  const resource = `${row.kind.toLowerCase()}.${row.group}`;
  throw new StatusError('NotFound', `${resource} ${JSON.stringify(name)} not found`, {
    group: row.group,
    kind: row.kind.toLowerCase(),
    name,
  });
}

function collect(call: Call): Promise<Metrics[]> {
  return call.row.kind === 'NodeMetrics' ? nodeMetrics(call) : podMetrics(call);
}

async function nodeMetrics(call: Call): Promise<Metrics[]> {
  const nodes = await about(call, Nodes);
  const found = await Promise.all(
    nodes.map(async (node) => {
      const stats = await ask(call, node.metadata?.name ?? '');
      return stats && { ...head(call, node, stats), usage: quantities(stats.usage) };
    }),
  );
  return found.filter((each) => each !== undefined);
}

async function podMetrics(call: Call): Promise<Metrics[]> {
  const pods = await about(call, Pods);
  const nodes = new Set(pods.flatMap(({ spec }) => spec?.nodeName ?? []));
  const answers = await Promise.all([...nodes].map((node) => ask(call, node)));
  const measured = answers.flatMap((answer) => answer?.pods ?? []);
  const byUid = new Map(measured.map((pod) => [pod.uid, pod]));
  return pods.flatMap((pod) => {
    const stats = byUid.get(pod.metadata?.uid ?? '');
    if (!stats) return [];
    const containers = stats.containers.map(({ name, usage }) => ({ name, usage: quantities(usage) }));
    return [{ ...head(call, pod, stats), containers }];
  });
}

/** The objects whose usage is asked for. */
async function about<T extends KubeObject>(
  { api, exchange, row, path }: Call,
  resource: Resource<T>,
): Promise<T[]> {
  const { labelSelector, fieldSelector } = listQuery(exchange.query);
  const { namespace, name } = path;
  if (name !== undefined) {
    const stored = await api.objects.get(resource, { ...(row.namespaced ? { namespace } : {}), name });
    return stored ? [stored.value] : [];
  }
  const { where } = selection(row, labelSelector, fieldSelector);
  const { items } = await api.objects.list(resource, {
    namespace: row.namespaced ? namespace : undefined,
    where,
  });
  return items.map(({ value }) => value);
}

async function ask({ api, exchange }: Call, node: string): Promise<NodeStats | undefined> {
  try {
    const options = { timeout: ASK_MS, signal: exchange.signal };
    return (await api.bus.request(nodeSubject(node, 'stats'), null, options)) as unknown as NodeStats;
  } catch (error) {
    if (!exchange.signal.aborted)
      api.log.debug(`node ${node} says nothing of its usage`, { error: String(error) });
    return undefined;
  }
}

function head({ row }: Call, { metadata }: KubeObject, { timestamp: at, window }: Measured) {
  const { name = '', namespace, labels } = metadata ?? {};
  return {
    kind: row.kind,
    apiVersion: apiVersionOf(row),
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      creationTimestamp: timestamp(),
      ...(labels === undefined ? {} : { labels }),
    },
    timestamp: timestamp(new Date(at)),
    window: `${window.toFixed(3)}s`,
  };
}

function quantities({ usageNanoCores, workingSetBytes }: Usage): { cpu: string; memory: string } {
  return { cpu: `${usageNanoCores}n`, memory: `${Math.round(workingSetBytes / 1024)}Ki` };
}
