import type { Logger } from './contract/index.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Writes one line per message of `level` and above: `2026-01-31T09:00:00.000Z warn  message key=value`. */
export function lineLogger(write: (line: string) => void, level: LogLevel = 'info'): Logger {
  const from = LEVELS.indexOf(level);
  return each((at) => (message, fields) => {
    if (LEVELS.indexOf(at) < from) return;
    const rest = Object.entries(fields ?? {}).map(([key, value]) => ` ${key}=${text(value)}`);
    // Nobody makes lines of another's.
    const line = `${message}${rest.join('')}`.replace(/\p{Cc}/gu, (char) =>
      JSON.stringify(char).slice(1, -1),
    );
    write(`${new Date().toISOString()} ${at.padEnd(5)} ${line}`);
  });
}

/** `log`, each message preceded by a plugin's name; what is wrong with one of its instances tells which. */
export function named(log: Logger, name: string, revision: number): Logger {
  return each((level) => (message, fields) => {
    const which = level === 'warn' || level === 'error' ? { revision } : {};
    log[level](`${name}: ${message}`, { ...fields, ...which });
  });
}

/** A logger made of one function per level. */
export function each(make: (level: LogLevel) => Logger[LogLevel]): Logger {
  return { debug: make('debug'), info: make('info'), warn: make('warn'), error: make('error') };
}

/** For `JSON.stringify`, which takes an error for an empty object. */
export function errorsAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? value.message) : value;
}

function text(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  return typeof value === 'string' && /^\S+$/.test(value) ? value : (JSON.stringify(value) ?? 'undefined');
}
