import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { StatusError } from 'orlop/plugin';
import { extract } from 'tar-stream';

/** Of what a bundle unpacks to. */
export const MOST = { bytes: 256 * 1024 * 1024, files: 50_000 };

/** Writes the files of a gzipped tar into `folder`, durably. Throws `Invalid` for what has other than plain files, or too much of them. */
export async function unpack(archive: Readable, folder: string): Promise<void> {
  const files = extract();
  const written = (async () => {
    let [bytes, count] = [0, 0];
    for await (const entry of files) {
      const { name, type, size = 0, mode = 0 } = entry.header;
      if (type !== 'file' || !isInside(name)) throw new StatusError('Invalid', `it holds a ${type} ${name}`);
      bytes += size;
      count += 1;
      if (bytes > MOST.bytes || count > MOST.files)
        throw new StatusError('Invalid', 'it unpacks to too much');
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const executable = (mode & 0o100) !== 0;
      await pipeline(
        entry,
        createWriteStream(path, { mode: executable ? 0o700 : 0o600, flags: 'wx', flush: true }),
      );
    }
  })();
  // Whichever fails first ends the other.
  written.catch((error: Error) => files.destroy(error));
  const outcomes = await Promise.allSettled([written, pipeline(archive, createGunzip(), files)]);
  const errors = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
  const error = errors.find((each) => each instanceof StatusError) ?? errors[0];
  if (error) throw error;
}

/** A relative path without `..`, in the form tar has it. */
function isInside(name: string): boolean {
  return (
    name !== '' &&
    name.split('/').every((part) => part !== '' && part !== '.' && part !== '..') &&
    !name.includes('\\')
  );
}
