import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const MIB = 1024 * 1024;
/** Less than this is as good as nothing: a server that starts on it is soon where it was. */
const ROOM = 32 * MIB;

/** Why nothing can be written to a folder, a quota or a file system that became read-only among it; `undefined` when something can. */
export async function diskTrouble(folder: string): Promise<string | undefined> {
  const file = join(folder, 'room');
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    const [free, all] = [bavail, blocks].map((count) => (count * bsize) / MIB) as [number, number];
    if (free * MIB < ROOM)
      return `the disk of ${folder} is full: ${free.toFixed(1)} of ${all.toFixed(0)} MiB are free. Free ${ROOM / MIB} MiB or more; writes then go on by themselves`;
    await writeFile(file, Buffer.alloc(MIB), { flush: true });
    return undefined;
  } catch (error) {
    return `the disk of ${folder} cannot be written: ${(error as Error).message}`;
  } finally {
    await rm(file, { force: true }).catch(() => undefined);
  }
}
