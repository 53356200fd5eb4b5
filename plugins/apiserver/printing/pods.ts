import { type ContainerStatus, findCondition, isPodTerminal, type Pod } from 'orlop/plugin';
import { column } from '../resources/row.ts';
import type { Column } from '../resources/types.ts';
import { age } from './duration.ts';

/** What `kubectl get pods` sums up. Source: kubernetes `printers/internalversion/printers.go`, printPod. */
export interface PodSummary {
  ready: number;
  total: number;
  status: string;
  restarts: number;
  /** RFC 3339. */
  lastRestart: string | undefined;
}

export function summarizePod(pod: Pod): PodSummary {
  const { spec, status } = pod;
  const initContainers = spec?.initContainers ?? [];
  const sidecars = new Set(
    initContainers.filter((each) => (each as Restartable).restartPolicy === 'Always').map(({ name }) => name),
  );
  const summary: PodSummary = {
    ready: 0,
    total: (spec?.containers?.length ?? 0) + sidecars.size,
    status: isGated(pod) ? 'SchedulingGated' : status?.reason || status?.phase || '',
    restarts: 0,
    lastRestart: undefined,
  };
  const initializing = initStatus(pod, sidecars, summary);
  if (initializing !== undefined) summary.status = initializing;
  if (initializing === undefined || findCondition(status?.conditions, 'Initialized')?.status === 'True') {
    // Only sidecars still count among the init containers.
    const sidecarStatuses = (status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name));
    summary.restarts = 0;
    summary.lastRestart = undefined;
    for (const each of sidecarStatuses) countRestarts(summary, each);
    summarizeContainers(pod, summary);
  }
  if (pod.metadata?.deletionTimestamp !== undefined) {
    if (status?.reason === 'NodeLost') summary.status = 'Unknown';
    else if (!isPodTerminal(pod)) summary.status = 'Terminating';
  }
  return summary;
}

interface Restartable {
  restartPolicy?: string;
}

function isGated({ status }: Pod): boolean {
  return findCondition(status?.conditions, 'PodScheduled')?.reason === 'SchedulingGated';
}

/** What the first init container that is not done is at; `undefined` when all are. */
function initStatus(pod: Pod, sidecars: ReadonlySet<string>, summary: PodSummary): string | undefined {
  for (const [i, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    countRestarts(summary, status);
    const { terminated, waiting } = status.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecars.has(status.name) && status.started) {
      if (status.ready) summary.ready += 1;
      continue;
    }
    if (terminated) return `Init:${ending(terminated)}`;
    if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
    return `Init:${i}/${pod.spec?.initContainers?.length ?? 0}`;
  }
  return undefined;
}

function summarizeContainers({ status }: Pod, summary: PodSummary): void {
  let running = false;
  for (const container of [...(status?.containerStatuses ?? [])].reverse()) {
    countRestarts(summary, container);
    const { waiting, terminated, running: runs } = container.state ?? {};
    if (waiting?.reason) summary.status = waiting.reason;
    else if (terminated) summary.status = ending(terminated);
    else if (container.ready && runs) {
      running = true;
      summary.ready += 1;
    }
  }
  if (summary.status === 'Completed' && running) {
    const ready = findCondition(status?.conditions, 'Ready')?.status === 'True';
    summary.status = ready ? 'Running' : 'NotReady';
  }
}

function ending({
  reason,
  signal,
  exitCode,
}: {
  reason?: string;
  signal?: number;
  exitCode: number;
}): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);
}

function countRestarts(summary: PodSummary, { restartCount, lastState }: ContainerStatus): void {
  summary.restarts += restartCount;
  const ended = lastState?.terminated?.finishedAt;
  if (ended && (summary.lastRestart === undefined || Date.parse(ended) > Date.parse(summary.lastRestart))) {
    summary.lastRestart = ended;
  }
}

function readinessGates({ spec, status }: Pod): string {
  const gates = spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const open = gates.filter(
    (gate) => findCondition(status?.conditions, gate.conditionType)?.status === 'True',
  );
  return `${open.length}/${gates.length}`;
}

export const podColumns: readonly Column<Pod>[] = [
  column(
    'Ready',
    (pod) => {
      const { ready, total } = summarizePod(pod);
      return `${ready}/${total}`;
    },
    { description: 'The aggregate readiness state of this pod for accepting traffic.' },
  ),
  column('Status', (pod) => summarizePod(pod).status, {
    description: 'The aggregate status of the containers in this pod.',
  }),
  column(
    'Restarts',
    (pod, now) => {
      const { restarts, lastRestart } = summarizePod(pod);
      return restarts !== 0 && lastRestart !== undefined
        ? `${restarts} (${age(lastRestart, now)} ago)`
        : String(restarts);
    },
    {
      description:
        'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
    },
  ),
  column('IP', ({ status }) => status?.podIP || '<none>', { wide: true }),
  column('Node', ({ spec }) => spec?.nodeName || '<none>', { wide: true }),
  column('Nominated Node', ({ status }) => status?.nominatedNodeName || '<none>', { wide: true }),
  column('Readiness Gates', readinessGates, { wide: true }),
];
