/** Does with blobs what it is asked to over the bus, as far as it is granted. */
import { buffer } from 'node:stream/consumers';
import { asStatusError, definePlugin, type Json } from 'orlop/plugin';

export default definePlugin({
  name: 'blobber',
  kind: 'blobber.v1',
  version: '1.0.0',
  description: 'Reads blobs in a worker thread of a test.',
  isolation: { worker: 'blobs' },
  grants: { subscribe: ['blobber.*'], blobs: ['read'] },
  start(ctx) {
    const answer = (does: (text: string) => Promise<Json>) => async (data: Json) => {
      try {
        return await does(String(data));
      } catch (error) {
        return asStatusError(error).message;
      }
    };
    ctx.bus.serve(
      'blobber.get',
      answer(async (digest) => (await buffer(await ctx.blobs.get(digest))).toString()),
    );
    ctx.bus.serve(
      'blobber.put',
      answer(async (text) => (await ctx.blobs.put(Buffer.from(text))).digest),
    );
    return {};
  },
});
