import { definePlugin, provide, VolumeDrivers } from 'orlop/plugin';
import { emptyDir } from './driver.ts';

export default definePlugin({
  name: 'volume-emptydir',
  kind: 'volume.v1',
  version: '1.0.0',
  description: 'emptyDir volumes: a folder that lives as long as its pod.',
  provides: [VolumeDrivers],
  grants: { host: ['files'] },
  start() {
    return { provides: [provide(VolumeDrivers, emptyDir, 'emptyDir')] };
  },
});
