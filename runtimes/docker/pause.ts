import { Readable } from 'node:stream';
import { StatusError } from 'orlop/plugin';
import { pack } from 'tar-stream';
import { pauseProgram } from './elf.ts';
import { completed, type Engine, found } from './engine.ts';

export const PAUSE_IMAGE = 'orlop.dev/pause:1';

/** Makes the image of the pod sandboxes by importing a tar of one file: nothing is pulled. Idempotent. */
export async function ensurePauseImage(engine: Engine): Promise<void> {
  if (await found(engine.getImage(PAUSE_IMAGE).inspect())) return;
  const { Arch } = await engine.version();
  const program = pauseProgram(Arch);
  if (!program) {
    throw new StatusError(
      'InternalError',
      `the Docker engine runs on ${Arch}; pod sandboxes exist for amd64 and arm64 only`,
    );
  }
  const tar = pack();
  tar.entry({ name: 'pause', mode: 0o755 }, program);
  tar.finalize();
  const [repo, tag] = PAUSE_IMAGE.split(':');
  await completed(
    engine,
    await engine.importImage(Readable.from(tar), { repo, tag, changes: 'ENTRYPOINT ["/pause"]' }),
  );
}
