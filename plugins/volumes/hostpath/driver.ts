import type { Stats } from 'node:fs';
import { chmod, mkdir, open, stat } from 'node:fs/promises';
import { StatusError, type VolumeDriver } from 'orlop/plugin';

const CHECKS: Record<string, (stats: Stats) => boolean> = {
  Directory: (stats) => stats.isDirectory(),
  File: (stats) => stats.isFile(),
  Socket: (stats) => stats.isSocket(),
  CharDevice: (stats) => stats.isCharacterDevice(),
  BlockDevice: (stats) => stats.isBlockDevice(),
};

/** Checks the path against `type`, and makes it where the type says so. Source: kubelet's hostPathTypeChecker. */
export const hostPath: VolumeDriver = {
  async setUp({ volume }) {
    const { path, type = '' } = volume.hostPath!;
    if (!path.startsWith('/') || path.split('/').includes('..')) {
      throw refusal(`hostPath "${path}" must be an absolute path without ".."`);
    }
    if (type === 'DirectoryOrCreate' && !(await lookUp(path))) {
      await mkdir(path, { recursive: true });
      await chmod(path, 0o755);
    }
    if (type === 'FileOrCreate' && !(await lookUp(path))) await createFile(path);
    const wanted = type.replace(/OrCreate$/, '');
    if (wanted === '') return path;
    const check = CHECKS[wanted];
    if (!check) throw refusal(`hostPath type "${type}" is not one of Kubernetes'`);
    const stats = await lookUp(path);
    if (!stats) throw refusal(`hostPath type check failed: ${path} does not exist`);
    if (!check(stats)) throw refusal(`hostPath type check failed: ${path} is not a ${wanted}`);
    return path;
  },
  async tearDown() {
    // The path is the host's own.
  },
};

async function lookUp(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function createFile(path: string): Promise<void> {
  try {
    await (await open(path, 'a', 0o644)).close();
  } catch (error) {
    throw refusal(`hostPath ${path} could not be created: ${(error as Error).message}`);
  }
}

function refusal(message: string): StatusError {
  return new StatusError('Invalid', message);
}
