import { type Pod, parseQuantity } from 'orlop/plugin';

const DOMAIN = 'fake.orlop.dev';

/** How one container acts. Read from its pod's annotations when it is created. */
export interface Behaviour {
  /** Milliseconds after its start at which it ends by itself. `undefined`: it runs until stopped. */
  exitAfter: number | undefined;
  exitCode: number;
  /** Milliseconds it takes to end after SIGTERM; past the grace period it is killed (137). */
  termAfter: number;
  /** Lines it writes to stdout at start. */
  log: string;
  /** What its HTTP server answers a probe. */
  httpStatus: number;
  /** Exit code and stdout of a command that `exec` does not know. */
  execExitCode: number;
  execOutput: string;
  /** What it uses: cores, and bytes. */
  cpu: number;
  memory: number;
}

/**
 * Annotations `fake.orlop.dev/KEY`, or `CONTAINER.fake.orlop.dev/KEY` for one container only. A container with an exit code or an init
 * container ends at once unless it is told when; any other runs on.
 */
export function behaviourOf(pod: Pod, container: string): Behaviour {
  const annotations = pod.metadata?.annotations ?? {};
  const text = (key: string): string | undefined =>
    annotations[`${container}.${DOMAIN}/${key}`] ?? annotations[`${DOMAIN}/${key}`];
  const number = (key: string): number | undefined => {
    const value = text(key);
    return value === undefined ? undefined : Number(value);
  };
  const exitCode = number('exit-code');
  const ends = exitCode !== undefined || endsByNature(pod, container);
  return {
    exitAfter: number('exit-after-ms') ?? (ends ? 0 : undefined),
    exitCode: exitCode ?? 0,
    termAfter: number('term-after-ms') ?? 0,
    log: text('log') ?? '',
    httpStatus: number('http-status') ?? 200,
    execExitCode: number('exec-exit-code') ?? 127,
    execOutput: text('exec-output') ?? '',
    cpu: parseQuantity(text('cpu') ?? '0') ?? 0,
    memory: parseQuantity(text('memory') ?? '0') ?? 0,
  };
}

function endsByNature(pod: Pod, name: string): boolean {
  const init = pod.spec?.initContainers?.find((container) => container.name === name);
  return init !== undefined && init.restartPolicy !== 'Always';
}
