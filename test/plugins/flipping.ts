import { definePlugin, provide, SecretsEncoding } from 'orlop/plugin';

/** An encoding of Secrets for tests, named for its mask. It does nothing after it was stopped, which it tells. */
export default definePlugin<{ mask: number }>({
  name: 'secrets-flipping',
  kind: 'secrets.v1',
  version: '2.0.0',
  description: 'Flips the bits of a mask.',
  config: { type: 'object', properties: { mask: { type: 'integer', default: 1 } } },
  provides: [SecretsEncoding],
  grants: { publish: ['flipping.stopped'] },
  start(ctx) {
    const { mask } = ctx.config;
    const encoding = `flip-${mask}`;
    let stopped = false;
    const flip = (value: Uint8Array): Uint8Array => {
      if (stopped) throw new Error(`${encoding} was stopped`);
      return value.map((byte) => byte ^ mask);
    };
    return {
      provides: [provide(SecretsEncoding, { encoding, encode: flip, decode: flip })],
      stop() {
        stopped = true;
        ctx.bus.publish('flipping.stopped', encoding);
      },
    };
  },
});
