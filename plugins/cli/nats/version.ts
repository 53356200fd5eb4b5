import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What `BINARY --version` says, e.g. `2.15.1`; `undefined` when it does not run. */
export async function versionOf(binary: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(binary, ['--version'], { timeout: 10_000 });
    return /v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}
