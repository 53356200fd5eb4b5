import {
  type Context,
  type EventRecorder,
  findCondition,
  isPodReady,
  isStatus,
  objectKey,
  type Pod,
  Pods,
  podGracePeriodSeconds,
  timestamp,
  withCondition,
} from 'orlop/plugin';

/** What happens to the pods of a node that is in trouble. */
export class NodePods {
  private readonly objects: Context['objects'];
  private readonly events: EventRecorder;

  constructor(objects: Context['objects'], events: EventRecorder) {
    this.objects = objects;
    this.events = events;
  }

  async on(node: string): Promise<Pod[]> {
    const list = await this.objects.list(Pods, { revision: 0, where: (pod) => pod.spec?.nodeName === node });
    return list.items.map((each) => each.value);
  }

  /** So that Services stop sending requests there at once. */
  async markNotReady(pod: Pod): Promise<void> {
    if (!isPodReady(pod)) return;
    await ifFound(
      this.objects.modify(Pods, objectKey(pod), (draft) => {
        const ready = findCondition(draft.status?.conditions, 'Ready');
        if (draft.metadata?.uid !== pod.metadata?.uid || ready?.status !== 'True') return false;
        const next = { ...ready, status: 'False', lastTransitionTime: timestamp() };
        draft.status!.conditions = [...withCondition(draft.status!.conditions, next)];
        return true;
      }),
    );
    const message = 'Node is not ready';
    this.events.event(Pods, pod, { type: 'Warning', reason: 'NodeNotReady', message });
  }

  async evict(pod: Pod): Promise<void> {
    if (pod.metadata?.deletionTimestamp !== undefined) return;
    const { uid, namespace, name } = pod.metadata!;
    const message = `Marking for deletion Pod ${namespace}/${name}`;
    this.events.event(Pods, pod, { type: 'Normal', reason: 'TaintManagerEviction', message });
    const gracePeriodSeconds = podGracePeriodSeconds(pod);
    await ifFound(this.objects.delete(Pods, objectKey(pod), { uid, gracePeriodSeconds }));
  }

  /** Nobody is left to end it: it goes at once. */
  async forceDelete(pod: Pod): Promise<void> {
    await ifFound(
      this.objects.delete(Pods, objectKey(pod), { uid: pod.metadata!.uid, gracePeriodSeconds: 0 }),
    );
  }
}

async function ifFound(result: Promise<unknown>): Promise<void> {
  try {
    await result;
  } catch (error) {
    if (!isStatus(error, 'NotFound')) throw error;
  }
}
