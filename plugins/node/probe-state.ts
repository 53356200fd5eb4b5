import type { Probe } from 'orlop/plugin';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

/** The result a probe stands at, and how many last outcomes in a row were alike. */
export interface ProbeState {
  readonly passing: boolean;
  readonly last: boolean | undefined;
  readonly streak: number;
}

/** A container is alive until shown otherwise, but neither started nor ready. */
export function initialProbeState(kind: ProbeKind): ProbeState {
  return { passing: kind === 'liveness', last: undefined, streak: 0 };
}

/** One outcome more. The result turns when as many outcomes in a row as its threshold say so. */
export function probed(state: ProbeState, success: boolean, probe: Probe): ProbeState {
  const streak = state.last === success ? state.streak + 1 : 1;
  const threshold = success ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  return { passing: streak >= threshold ? success : state.passing, last: success, streak };
}

/** A failing liveness or startup probe that has reached its threshold. */
export function exhausted(state: ProbeState, probe: Probe): boolean {
  return state.last === false && state.streak >= (probe.failureThreshold ?? 3);
}
