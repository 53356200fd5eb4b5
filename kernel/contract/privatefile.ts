import { renameSync, writeFileSync } from 'node:fs';

/** Writes a file that only its owner can read, whole or not at all, also when the power fails: keys and tokens in `ctx.dataDir`. */
export function writePrivate(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}
