import { chmod, mkdir, rm } from 'node:fs/promises';
import type { VolumeDriver } from 'orlop/plugin';

/** The volume is its own folder, writable by every user of the pod's containers, as Kubernetes has it. */
export const emptyDir: VolumeDriver = {
  async setUp({ dir }) {
    await mkdir(dir, { recursive: true });
    await chmod(dir, 0o777);
    return dir;
  },
  async tearDown({ dir }) {
    await rm(dir, { recursive: true, force: true });
  },
};
