import { createWriteStream, renameSync, statSync } from 'node:fs';
import type { Logger } from 'orlop/plugin';

const LIMIT_BYTES = 10 << 20;

/** The kernel's log: one JSON object a line, kept across starts up to 10 MiB and one older file; on `echo` also on stderr. */
export function fileLog(path: string, echo: boolean): Logger & { close(): void } {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LIMIT_BYTES) renameSync(path, `${path}.1`);
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
  file.on('error', (error) =>
    process.stderr.write(`orlop: the log ${path} cannot be written: ${error.message}\n`),
  );

  function write(level: string, message: string, fields: Record<string, unknown> = {}): void {
    if (level === 'debug' && !process.env['ORLOP_DEBUG']) return;
    const line = JSON.stringify({ time: new Date().toISOString(), level, message, ...fields });
    file.write(`${line}\n`);
    if (echo) process.stderr.write(`${line}\n`);
  }

  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    close: () => file.end(),
  };
}
