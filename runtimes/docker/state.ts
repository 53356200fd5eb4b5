import type { ContainerInspectInfo } from 'dockerode';
import type { ContainerState } from 'orlop/plugin';
import { LABEL } from './labels.ts';

/** What the engine says of a container, as the node agent sees it. */
export function containerState(info: ContainerInspectInfo): ContainerState {
  const labels = info.Config.Labels;
  const base = {
    id: info.Id,
    name: labels[LABEL.container] ?? '',
    attempt: Number(labels[LABEL.attempt] ?? 0),
    imageId: info.Image,
    image: labels[LABEL.image] ?? '',
  };
  const {
    Status,
    Running,
    Paused,
    Restarting,
    StartedAt,
    FinishedAt,
    ExitCode,
    OOMKilled,
    Error: said,
  } = info.State;
  const times = time('startedAt', StartedAt);
  if (Running || Paused || Restarting) return { ...base, ...times, state: 'Running' };
  // A container that could not be started stays "created", with the reason and an exit code.
  const neverRan = Status === 'created';
  if (neverRan && ExitCode === 0) return { ...base, state: 'Created' };
  // The engine notes a start after it, and so may note a quick end before it.
  const backwards = !neverRan && Date.parse(FinishedAt) < Date.parse(StartedAt);
  return {
    ...base,
    ...(backwards ? time('startedAt', FinishedAt) : times),
    ...time('finishedAt', neverRan ? info.Created : FinishedAt),
    state: 'Exited',
    exitCode: ExitCode,
    reason: neverRan
      ? 'ContainerCannotRun'
      : OOMKilled
        ? 'OOMKilled'
        : ExitCode === 0
          ? 'Completed'
          : 'Error',
    ...(said ? { message: said } : {}),
  };
}

/** The engine's zero time stands for "never". */
function time<K extends string>(key: K, text: string): { [P in K]?: string } {
  return (text.startsWith('0001-') ? {} : { [key]: text }) as { [P in K]?: string };
}
