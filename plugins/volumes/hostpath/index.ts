import { definePlugin, provide, VolumeDrivers } from 'orlop/plugin';
import { hostPath } from './driver.ts';

export default definePlugin({
  name: 'volume-hostpath',
  kind: 'volume.v1',
  version: '1.0.0',
  description: "hostPath volumes: a path of the node's own file system.",
  provides: [VolumeDrivers],
  grants: { host: ['files'] },
  start() {
    return { provides: [provide(VolumeDrivers, hostPath, 'hostPath')] };
  },
});
