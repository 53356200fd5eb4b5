import {
  ConfigMaps,
  definePlugin,
  optional,
  PodNetwork,
  provide,
  Secrets,
  TOKEN_SUBJECT,
  VolumeDrivers,
} from 'orlop/plugin';
import { projectionDriver } from './driver.ts';
import { PodTokens } from './tokens.ts';

const requires = { network: optional(PodNetwork) };

export default definePlugin<Record<string, never>, typeof requires>({
  name: 'volume-projected',
  kind: 'volume.v1',
  version: '1.0.0',
  description: 'configMap, secret, downwardAPI and projected volumes: objects of the API as files.',
  requires,
  provides: [VolumeDrivers],
  grants: {
    objects: [
      { resource: ConfigMaps, verbs: ['get'] },
      { resource: Secrets, verbs: ['get'] },
    ],
    publish: [TOKEN_SUBJECT],
    host: ['files'],
  },
  start(ctx) {
    const tokens = new PodTokens(ctx.bus, ctx.log);
    const driver = projectionDriver(ctx.objects, tokens, () => ctx.services.network?.nodeIP ?? '');
    const names = ['configMap', 'secret', 'downwardAPI', 'projected'];
    return { provides: names.map((name) => provide(VolumeDrivers, driver, name)) };
  },
});
