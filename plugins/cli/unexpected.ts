import type { Logger } from 'orlop/plugin';
import { UsageError } from './command.ts';
import { watchEventLoop } from './watchdog.ts';

/** What nobody catches. */
export interface Unexpected {
  /**
   * Aborted by the first error that nobody caught, or the first time that the event loop had to be freed. The process is then in no state to go on: it
   * stops in order, and what it acknowledged is safe.
   */
  readonly died: AbortSignal;
  /** From now on the event loop is freed of what blocks it: of plugins that are not Orlop's own that is to be expected. */
  watch(): void;
  unwatch(): void;
}

/** The stack goes to the log. Throws `UsageError` for a wrong setting. */
export function unexpected(log: Logger): Unexpected {
  const controller = new AbortController();
  const happened = (cause: unknown): void => {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    log.error('an error that nobody caught', { error: error.stack });
    controller.abort(error);
  };
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event, happened);
  const seconds = patience();
  let stop: (() => void) | undefined;
  return {
    died: controller.signal,
    watch() {
      stop ??= watchEventLoop(seconds, happened);
    },
    unwatch: () => stop?.(),
  };
}

/** Seconds that anything may block the event loop; 0: for ever. */
function patience(): number {
  const text = process.env['ORLOP_WATCHDOG_SECONDS'];
  const seconds = text === undefined ? 30 : Number(text);
  if (Number.isInteger(seconds) && seconds >= 0) return seconds;
  throw new UsageError(`ORLOP_WATCHDOG_SECONDS=${text} is no number of seconds; 0 turns the watchdog off.`);
}
