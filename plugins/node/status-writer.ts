import { isDeepStrictEqual } from 'node:util';
import { isStatus, type Pod, type PodStatus, Pods } from 'orlop/plugin';
import type { NodeContext } from './node.ts';

const RETRY_MS = 1_000;

/** Writes one pod's status: one write at a time, the newest only, and none that changes nothing. */
export class StatusWriter {
  readonly #node: NodeContext;
  readonly #key: { namespace: string; name: string };
  readonly #uid: string;
  readonly #compute: (pod: Pod) => PodStatus;
  #wanted = false;
  #writing: Promise<void> | undefined;

  /** `compute` gives the status the pod should have now. */
  constructor(node: NodeContext, pod: Pod, compute: (pod: Pod) => PodStatus) {
    this.#node = node;
    this.#key = { namespace: pod.metadata!.namespace!, name: pod.metadata!.name! };
    this.#uid = pod.metadata!.uid!;
    this.#compute = compute;
  }

  /** Returns when the status that is right at the time of the call, or a newer one, is stored. */
  write(pod: Pod): Promise<void> {
    if (!this.#writing && isDeepStrictEqual(pod.status, this.#compute(pod))) return Promise.resolve();
    this.#wanted = true;
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #drain(): Promise<void> {
    while (this.#wanted && !this.#node.signal.aborted) {
      this.#wanted = false;
      try {
        await this.#node.objects.modify(Pods, this.#key, (draft) => {
          if (draft.metadata?.uid !== this.#uid) return false;
          const status = this.#compute(draft);
          if (isDeepStrictEqual(draft.status, status)) return false;
          Object.assign(draft, { status });
          return true;
        });
      } catch (error) {
        if (isStatus(error, 'NotFound') || this.#node.signal.aborted) return;
        const { namespace, name } = this.#key;
        this.#node.log.warn(`the status of pod ${namespace}/${name} could not be written; trying again`, {
          error: String(error),
        });
        this.#wanted = true;
        await pause(RETRY_MS, this.#node.signal);
      }
    }
  }
}

/** Milliseconds pass, or the signal is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done, { once: true });
  });
}
