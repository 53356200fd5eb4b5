import { readFileSync } from 'node:fs';

/** This package's version. */
export const VERSION = readVersion();

/** From the nearest package.json above: the build lies one folder deeper than the source. */
function readVersion(): string {
  for (const up of ['../', '../../']) {
    try {
      const text = readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error('package.json of orlop is missing');
}
