import type { Container, Pod, Probe, Runtime } from 'orlop/plugin';
import { type Outcome, runHandler } from './handlers.ts';
import { exhausted, initialProbeState, type ProbeKind, type ProbeState, probed } from './probe-state.ts';
import type { ContainerRecord, PodState } from './state.ts';

const PROBES = { startup: 'startupProbe', liveness: 'livenessProbe', readiness: 'readinessProbe' } as const;
const KINDS: readonly ProbeKind[] = ['startup', 'liveness', 'readiness'];

export interface ProberEvents {
  /** `record.started` or `record.ready` has changed. */
  changed(): void;
  /** One failed probe. */
  unhealthy(container: Container, kind: ProbeKind, message: string): void;
  /** Liveness or startup has failed for good: the container is to be stopped and started again. */
  failed(container: Container, kind: ProbeKind, probe: Probe): void;
}

interface Loop {
  containerId: string;
  timer: NodeJS.Timeout | undefined;
  stopped: boolean;
}

/** Probes the running containers of one pod, each probe on its own timer. */
export class Prober {
  readonly #events: ProberEvents;
  readonly #loops = new Map<string, Loop>();

  constructor(events: ProberEvents) {
    this.#events = events;
  }

  /** Starts what should be probed by now, and stops what should not. */
  sync(pod: Pod, state: PodState, runtime: Runtime): void {
    for (const container of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
      const record = state.containers.get(container.name)!;
      const live = record.current?.state === 'Running' && !record.starting && record.stopping === undefined;
      for (const kind of KINDS) {
        const probe = container[PROBES[kind]];
        if (!probe) continue;
        const due = live && state.sandbox?.ready === true && (kind === 'startup') === !record.started;
        this.#keep(`${container.name} ${kind}`, due ? record.current!.id : undefined, (loop) => {
          const target = {
            runtime,
            sandboxId: state.sandbox!.id,
            containerId: loop.containerId,
            container,
            podIP: state.sandbox!.ip,
          };
          const since = Date.now() - Date.parse(record.current!.startedAt ?? '');
          const initial = Math.max(0, (probe.initialDelaySeconds ?? 0) * 1000 - (since || 0));
          const step = () => runHandler(probe, target, probe.timeoutSeconds ?? 1);
          this.#run(loop, initial, kind, probe, container, record, step);
        });
      }
    }
  }

  close(): void {
    for (const key of [...this.#loops.keys()]) this.#stop(key);
  }

  #keep(key: string, containerId: string | undefined, start: (loop: Loop) => void): void {
    const old = this.#loops.get(key);
    if (old && old.containerId === containerId) return;
    if (old) this.#stop(key);
    if (containerId === undefined) return;
    const loop: Loop = { containerId, timer: undefined, stopped: false };
    this.#loops.set(key, loop);
    start(loop);
  }

  #stop(key: string): void {
    const loop = this.#loops.get(key)!;
    loop.stopped = true;
    clearTimeout(loop.timer);
    this.#loops.delete(key);
  }

  #run(
    loop: Loop,
    initial: number,
    kind: ProbeKind,
    probe: Probe,
    container: Container,
    record: ContainerRecord,
    step: () => Promise<Outcome>,
  ): void {
    let state: ProbeState = {
      ...initialProbeState(kind),
      ...(record.ready && kind === 'readiness' && { passing: true }),
    };
    const tick = (): void => {
      const began = Date.now();
      void step().then((outcome) => {
        if (loop.stopped) return;
        const before = state.passing;
        state = probed(state, outcome.ok, probe);
        const period = (probe.periodSeconds ?? 10) * 1000;
        loop.timer = setTimeout(tick, Math.max(0, period - (Date.now() - began)));
        if (!outcome.ok) this.#events.unhealthy(container, kind, outcome.message);
        if (kind !== 'readiness' && exhausted(state, probe)) this.#events.failed(container, kind, probe);
        if (state.passing === before) return;
        if (kind === 'startup') record.started = state.passing;
        if (kind === 'readiness') record.ready = state.passing;
        this.#events.changed();
      });
    };
    loop.timer = setTimeout(tick, initial);
  }
}
