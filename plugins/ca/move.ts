import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Until version 1.0.0 the CA lay in the data folder of the plugin `auth`: takes over each half that is still there and not here yet. A
 * rename is atomic, so a crash between the two is gone on from at the next start.
 */
export function takeOver(from: string, to: string): void {
  for (const name of ['ca.key', 'ca.crt']) {
    const [old, own] = [join(from, name), join(to, name)];
    if (existsSync(old) && !existsSync(own)) renameSync(old, own);
  }
}
