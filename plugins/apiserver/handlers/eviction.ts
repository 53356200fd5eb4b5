import {
  findCondition,
  isStatus,
  type KubeObject,
  matchLabelSelector,
  notFound,
  type Pod,
  type PodDisruptionBudget,
  PodDisruptionBudgets,
  Pods,
  StatusError,
  timestamp,
  withCondition,
} from 'orlop/plugin';
import { deleteOptions } from '../http/options.ts';
import { isObject } from '../patch/shape.ts';
import { forbidden } from './admission.ts';
import { type Call, keyOfPath } from './call.ts';
import { admitPart } from './creation.ts';
import { checkSchema, decodeBody } from './decode.ts';
import { DELETE_OPTIONS, sendDeleted } from './delete.ts';
import { CREATED } from './pods.ts';
import { ATTEMPTS } from './update.ts';

const EVICTION = { group: 'policy', version: 'v1', kind: 'Eviction' };
const BUSY_SECONDS = 10;
/** Evictions that the disruption controller has not seen through. Source: MaxDisruptedPodSize. */
const MOST_DISRUPTED = 2_000;
const VIOLATION = "Cannot evict pod as it would violate the pod's disruption budget.";

/**
 * POST of an Eviction: deletes the pod, if its disruption budget allows that, from which it is taken first. Source: kubernetes
 * `pkg/registry/core/pod/storage/eviction.go`.
 */
export async function evictPod(call: Call): Promise<void> {
  const { api, exchange, row } = call;
  const eviction: KubeObject & { deleteOptions?: unknown } = await decodeBody(call, EVICTION, 'Warn');
  const key = keyOfPath(call);
  if (eviction.metadata?.name && eviction.metadata.name !== key.name) {
    throw new StatusError('BadRequest', 'name in URL does not match name in Eviction object');
  }
  const read = () => {
    const body = isObject(eviction.deleteOptions) ? eviction.deleteOptions : {};
    checkSchema(api, DELETE_OPTIONS, body, 'Ignore');
    return deleteOptions(exchange.query, body);
  };
  await admitPart(call, { kind: EVICTION, object: eviction, dryRun: read().dryRun });
  const options = read();
  const stored = await api.objects.get(Pods, key);
  if (!stored) throw notFound(row, key.name);
  const pod = stored.value;
  if (!isFree(pod)) {
    const budget = await budgetOf(call, pod);
    if (budget && !ignoresBudget(pod, budget)) await takeFrom(call, budget, pod, options.dryRun);
    if (!options.dryRun) await markDisrupted(call, pod);
  }
  // Of this pod, not of another that has its name by now.
  await sendDeleted(call, { ...options, uid: options.uid ?? pod.metadata?.uid }, CREATED);
}

const FREE = new Set(['Pending', 'Succeeded', 'Failed']);

/** It serves nobody: no budget counts it. */
function isFree({ metadata, status }: Pod): boolean {
  const { phase = 'Pending' } = status ?? {};
  return metadata?.deletionTimestamp !== undefined || FREE.has(phase);
}

async function budgetOf({ api }: Call, { metadata }: Pod): Promise<PodDisruptionBudget | undefined> {
  const { items } = await api.objects.list(PodDisruptionBudgets, {
    namespace: metadata!.namespace,
    where: ({ spec }) => matchLabelSelector(spec?.selector)(metadata?.labels),
  });
  if (items.length > 1) {
    const text =
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    throw new StatusError('InternalError', text);
  }
  return items[0]?.value;
}

/** An unhealthy pod takes nothing away: it may go while enough others are healthy, or always. */
function ignoresBudget({ status: pod }: Pod, { spec, status }: PodDisruptionBudget): boolean {
  if (findCondition(pod?.conditions, 'Ready')?.status === 'True') return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

/** Takes one disruption from the budget; throws when there is none left. */
async function takeFrom(
  { api }: Call,
  { metadata }: PodDisruptionBudget,
  pod: Pod,
  dryRun: boolean,
): Promise<void> {
  const key = { namespace: metadata!.namespace, name: metadata!.name! };
  for (let attempt = 1; ; attempt += 1) {
    const stored = await api.objects.get(PodDisruptionBudgets, key);
    // Deleted meanwhile: it forbids nothing any more.
    if (!stored) return;
    const next = structuredClone(stored.value);
    refuse(next);
    const { disruptionsAllowed: before, disruptedPods = {} } = next.status!;
    const disruptionsAllowed = before - 1;
    const conditions = withCondition(next.status!.conditions, {
      type: 'DisruptionAllowed',
      status: disruptionsAllowed > 0 ? 'True' : 'False',
      reason: disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods',
      message: '',
      observedGeneration: next.status!.observedGeneration ?? 0,
      lastTransitionTime: timestamp(),
    });
    const disrupted = { ...disruptedPods, [pod.metadata!.name!]: timestamp() };
    Object.assign(next.status!, {
      disruptionsAllowed,
      disruptedPods: disrupted,
      conditions: [...conditions],
    });
    if (dryRun) return;
    try {
      await api.objects.update(PodDisruptionBudgets, next);
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || !isStatus(error, 'Conflict')) throw error;
    }
  }
}

function refuse({ metadata, status }: PodDisruptionBudget): void {
  const name = metadata!.name!;
  const tooMany = (message: string, retryAfterSeconds?: number): StatusError =>
    new StatusError('TooManyRequests', VIOLATION, {
      causes: [{ reason: 'DisruptionBudget', message }],
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  if (!status || (status.observedGeneration ?? 0) < (metadata!.generation ?? 0)) {
    throw tooMany(`The disruption budget ${name} is still being processed by the server.`, BUSY_SECONDS);
  }
  const { disruptionsAllowed, desiredHealthy, currentHealthy, disruptedPods = {} } = status;
  if (disruptionsAllowed < 0)
    throw forbidden(PodDisruptionBudgets, name, 'pdb disruptions allowed is negative');
  if (Object.keys(disruptedPods).length > MOST_DISRUPTED) {
    const why = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller';
    throw forbidden(PodDisruptionBudgets, name, why);
  }
  if (disruptionsAllowed > 0) return;
  throw tooMany(
    `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
  );
}

/** Says on the pod why it ends. */
async function markDisrupted({ api }: Call, pod: Pod): Promise<void> {
  const key = { namespace: pod.metadata!.namespace, name: pod.metadata!.name! };
  await api.objects.modify(Pods, key, (draft) => {
    if (draft.metadata?.uid !== pod.metadata!.uid) return false;
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
      lastTransitionTime: timestamp(),
    };
    const conditions = [...withCondition(draft.status?.conditions, condition)];
    Object.assign(draft, { status: { ...draft.status, conditions } });
    return true;
  });
}
