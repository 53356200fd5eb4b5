import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Set in a process that was started by `comeBack`, and how it asks for another one: EX_TEMPFAIL of sysexits.h, or the same for one without what ended it. */
const MARK = 'ORLOP_CAME_BACK';
const AGAIN = 75;
const WITHOUT = 79;

/** Milliseconds until the next start: doubled when that does not last. */
const FIRST = 1_000;
const LONGEST = 60_000;

/**
 * After an error nobody caught, which leaves this process in no state to go on: the same command again in a fresh process, as often as it takes,
 * while this one has stopped everything and only waits. Resolves with the exit code. `signal`: aborted, by the name of the signal, to stop. `without`: what ended this one is not in the next.
 */
export async function comeBack(signal: AbortSignal, without: boolean): Promise<number> {
  if (process.env[MARK]) return without ? WITHOUT : AGAIN;
  for (let delay = FIRST; ; ) {
    console.error(`orlop: starting again in ${delay / 1_000} s`);
    await sleep(delay, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return 1;
    const began = performance.now();
    const code = await runAgain(signal);
    if (code !== AGAIN && code !== WITHOUT) return code;
    const isFresh = code === WITHOUT || performance.now() - began > LONGEST;
    delay = isFresh ? FIRST : Math.min(LONGEST, delay * 2);
  }
}

/** In a process that came back: it ends with the one that waits for it, however that ends. */
export function endWithParent(): void {
  if (!process.env[MARK] || !process.channel) return;
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}

async function runAgain(signal: AbortSignal): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [MARK]: '1' },
  });
  // A terminal sends Ctrl-C, and its end, to the child as well; anyone else to this process only.
  const forward = (): void => {
    const name = signal.reason as NodeJS.Signals;
    if (name === 'SIGTERM' || !process.stdin.isTTY) child.kill(name);
  };
  signal.addEventListener('abort', forward, { once: true });
  const [code] = (await once(child, 'exit')) as [number | null];
  signal.removeEventListener('abort', forward);
  return code ?? 1;
}
