import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerStats, Logger, NodeStats, Runtime } from 'orlop/plugin';
import type { PodManager } from '../manager.ts';
import type { PodWorker } from '../worker.ts';
import { machineStats } from './machine.ts';
import { type ContainerSample, type PodSample, type Sample, usageBetween } from './usage.ts';

/** An answer as young as this is given again. */
const FRESH_MS = 5_000;
/** A sample as old as this is no beginning of a window: what was used an hour ago is not what is used. */
const STALE_MS = 60_000;
/** The window of an answer that has no recent sample to begin with. */
const WINDOW_MS = 1_000;
/** How long one container's runtime may take. */
const SAMPLE_MS = 2_500;

/** Measures when it is asked, so that a node nobody asks does nothing. Whoever asks again gets the window since the last time. */
export class StatsCollector {
  readonly #pods: () => PodManager;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  #before: Sample | undefined;
  #latest: NodeStats | undefined;
  #running: Promise<NodeStats> | undefined;

  constructor(pods: () => PodManager, log: Logger, signal: AbortSignal) {
    this.#pods = pods;
    this.#log = log;
    this.#signal = signal;
  }

  read(): Promise<NodeStats> {
    if (this.#latest && Date.now() - Date.parse(this.#latest.timestamp) < FRESH_MS) {
      return Promise.resolve(this.#latest);
    }
    this.#running ??= this.#measure().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #measure(): Promise<NodeStats> {
    let before = this.#before;
    if (!before || Date.now() - before.node.timestamp > STALE_MS) {
      before = await this.#sample();
      await sleep(WINDOW_MS, undefined, { signal: this.#signal });
    }
    const after = await this.#sample();
    this.#before = after;
    this.#latest = usageBetween(before, after);
    return this.#latest;
  }

  async #sample(): Promise<Sample> {
    const workers = [...this.#pods().all()];
    const pods = await Promise.all(workers.map((worker) => this.#samplePod(worker)));
    return { node: machineStats(), pods };
  }

  async #samplePod({ pod, uid, runtime, state }: PodWorker): Promise<PodSample> {
    const { namespace = '', name = '' } = pod.metadata ?? {};
    const running = [...state.containers.values()].flatMap(({ current }) =>
      runtime && current?.state === 'Running' ? [{ runtime, current }] : [],
    );
    const containers = await Promise.all(
      running.map(async ({ runtime, current }): Promise<ContainerSample> => {
        const { id, startedAt = '' } = current;
        const stats = await this.#containerStats(runtime, id);
        return { id, name: current.name, startedAt: Date.parse(startedAt), stats };
      }),
    );
    return { namespace, name, uid, containers };
  }

  async #containerStats(runtime: Runtime, id: string): Promise<ContainerStats | undefined> {
    const late = new AbortController();
    try {
      return await Promise.race([
        runtime.containerStats?.(id),
        sleep(SAMPLE_MS, undefined, { signal: late.signal }),
      ]);
    } catch (error) {
      this.#log.debug(`container ${id} could not be measured`, { error: String(error) });
      return undefined;
    } finally {
      late.abort();
    }
  }
}
