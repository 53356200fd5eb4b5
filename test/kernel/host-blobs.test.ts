import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { type Context, definePlugin } from 'orlop/plugin';
import t from 'tap';
import { testKernel } from '../cluster.ts';

const blobber = { module: new URL('./host-plugins/blobber.js', import.meta.url).href };

t.test('blobs are for those who are granted them, in worker threads too', async (t) => {
  let context: Context | undefined;
  const holder = (blobs: ('read' | 'write')[]) =>
    definePlugin({
      name: 'holder',
      kind: 'holder.v1',
      version: '1.0.0',
      description: 'Gives its context away.',
      grants: { blobs },
      start(ctx) {
        context = ctx;
        return {};
      },
    });
  const kernel = await testKernel(t, { plugins: [holder(['read', 'write']), blobber] });
  const { digest } = await context!.blobs.put(Buffer.from('shared'));
  t.equal(await kernel.bus.request('blobber.get', digest), 'shared', 'over its own connection');
  t.equal(
    await kernel.bus.request('blobber.put', 'mine'),
    `plugin "blobber" revision 1 may not write blobs: add 'write' to its grants.blobs`,
  );

  const large = await kernel.blobs.put(Buffer.alloc(4 * 1024 * 1024));
  const before = context!;
  const reading: Readable = await before.blobs.get(large.digest);
  await once(reading, 'readable');
  const ended = t.rejects(once(reading, 'end'), { name: 'AbortError' }, 'what it was reading ends with it');
  await kernel.swap('holder', holder([]));
  await ended;
  await t.rejects(before.blobs.stat(digest), { message: /context is revoked/ });
  for (const attempt of [
    context!.blobs.get(digest),
    context!.blobs.stat(digest),
    context!.blobs.list(),
  ] as Promise<unknown>[])
    await t.rejects(attempt, { message: /may not read blobs: add 'read' to its grants\.blobs/ });
  for (const attempt of [
    context!.blobs.keep(digest),
    context!.blobs.delete(digest),
    context!.blobs.sweep(0),
  ] as Promise<unknown>[])
    await t.rejects(attempt, { message: /may not write blobs/ });
});
