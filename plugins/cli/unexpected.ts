import type { Logger } from 'orlop/plugin';
import { UsageError } from './command.ts';
import { watchEventLoop } from './watchdog.ts';

/**
 * `died` is aborted by the first error that nobody caught, or the first time that the event loop had to be freed. The process is then in no state to go
 * on: it stops in order, and what it acknowledged is safe. The stack goes to the log.
 */
export function unexpected(log: Logger): { died: AbortSignal; unwatch: () => void } {
  const controller = new AbortController();
  const happened = (cause: unknown): void => {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    log.error('an error that nobody caught', { error: error.stack });
    controller.abort(error);
  };
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event, happened);
  return { died: controller.signal, unwatch: watchEventLoop(patience(), happened) };
}

/** Seconds that anything may block the event loop; 0: for ever. */
function patience(): number {
  const text = process.env['ORLOP_WATCHDOG_SECONDS'];
  const seconds = text === undefined ? 30 : Number(text);
  if (Number.isInteger(seconds) && seconds >= 0) return seconds;
  throw new UsageError(`ORLOP_WATCHDOG_SECONDS=${text} is no number of seconds; 0 turns the watchdog off.`);
}
