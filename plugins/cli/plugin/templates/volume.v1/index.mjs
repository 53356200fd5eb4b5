import { mkdir, rm } from 'node:fs/promises';
import { definePlugin, provide, VolumeDrivers } from 'orlop/plugin';

/** @import { VolumeDriver } from 'orlop/plugin' */

/** The volume source it serves: `volumes: [{ name: x, ephemeral: {} }]`. */
const SOURCE = 'ephemeral';

/** @type {VolumeDriver} */
export const driver = {
  // Again about every minute while the pod lives: it must change nothing that is right already.
  async setUp({ dir }) {
    await mkdir(dir, { recursive: true });
    return dir;
  },
  async tearDown({ dir }) {
    await rm(dir, { recursive: true, force: true });
  },
};

export default definePlugin({
  name: 'my-plugin',
  kind: 'volume.v1',
  version: '0.1.0',
  description: 'Makes ephemeral volumes available.',
  provides: [VolumeDrivers],
  grants: { host: ['files'] },
  start: () => ({ provides: [provide(VolumeDrivers, driver, SOURCE)] }),
});
