import type { Logger } from 'orlop/plugin';
import { each, errorsAsText } from '../../kernel/log.ts';
import { LogFile } from './logfile.ts';

/** The kernel's log: one JSON object a line, see `LogFile`; on `echo` also on stderr. */
export function fileLog(path: string, echo: boolean): Logger & { close(): Promise<void> } {
  const file = new LogFile(path);
  const log = each((level) => (message, fields) => {
    if (level === 'debug' && !process.env['ORLOP_DEBUG']) return;
    const line = logLine(level, message, fields);
    file.write(line);
    if (echo) process.stderr.write(line);
  });
  return { ...log, close: () => file.close() };
}

/** With its newline. A field that is called as what every line has becomes `fields.NAME`. */
export function logLine(level: string, message: string, fields: Record<string, unknown> = {}): string {
  const about = { time: new Date().toISOString(), level, message };
  const rest = Object.entries(fields).map(([key, value]) => [key in about ? `fields.${key}` : key, value]);
  return `${JSON.stringify({ ...about, ...Object.fromEntries(rest) }, errorsAsText)}\n`;
}

/** A line of the log as somebody who writes this plugin wants to see it, if so: `warn  my-plugin: message key=value`. Any other line as it is. */
export function readableLine(line: string, plugin: string): string | undefined {
  if (!line.startsWith('{"time":')) return line;
  const { time: _, level, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
  if (level !== 'error' && !String(message).startsWith(`${plugin}: `)) return undefined;
  const rest = Object.entries(fields).map(([key, value]) => {
    const text = typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value);
    return ` ${key}=${text}`;
  });
  return `${String(level).padEnd(5)} ${String(message)}${rest.join('')}`;
}
