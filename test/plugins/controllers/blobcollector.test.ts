import { buffer } from 'node:stream/consumers';
import { type BlobClient, blobReference, Plugins, type Resource, referredBlobs } from 'orlop/plugin';
import t from 'tap';
import { Collector } from '../../../plugins/controllers/blobcollector/controller.ts';
import blobcollector from '../../../plugins/controllers/blobcollector/index.ts';
import { referred } from '../../../plugins/controllers/blobcollector/referrers.ts';
import { eventually, type TestKernel, testKernel } from '../../cluster.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };

async function refer(kernel: TestKernel, name: string, digest: string): Promise<void> {
  await kernel.objects.create(Plugins, { metadata: { name }, spec: { module: blobReference(digest) } });
}

t.test('references', async (t) => {
  const [a, b] = ['a', 'b'].map((digit) => `sha256-${digit.repeat(64)}`) as [string, string];
  t.same(referredBlobs(`blob:${a} and blob:${b}#x`), [a, b]);
  t.same(referredBlobs(`blob:${a}0 ${b} blob:sha256-12`), []);
  const kernel = await testKernel(t);
  await refer(kernel, 'p', a);
  await kernel.objects.create(Plugins, {
    metadata: { name: 'q' },
    spec: { config: { module: blobReference(b) } },
  });
  t.same([...(await referred(kernel.objects))], [a]);
  const resource = Plugins as Resource;
  t.same([...(await referred(kernel.objects, [{ resource, path: ['spec', 'config'] }]))], [b]);
});

t.test('what nothing refers to goes after the grace period, and its bytes after another', async (t) => {
  const kernel = await testKernel(t, {
    plugins: [blobcollector as never],
    config: { 'blob-collector': { graceSeconds: 1, periodSeconds: 0.1 } },
  });
  const used = await kernel.blobs.put(Buffer.from('used'));
  await refer(kernel, 'p', used.digest);
  const put = performance.now();
  const unused = await kernel.blobs.put(Buffer.from('unused'));
  await eventually('it is gone', async () => !(await kernel.blobs.stat(unused.digest)));
  t.ok(performance.now() - put >= 1_000, 'not before its time');
  t.equal((await buffer(await kernel.blobs.get(used.digest))).toString(), 'used');
  await eventually('its bytes are gone', async () => {
    const there = await kernel.blobs.keep(unused.digest);
    if (there) await kernel.blobs.delete(unused.digest);
    else return true;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return false;
  });
  await kernel.objects.delete(Plugins, { name: 'p' });
  await eventually('the other follows', async () => !(await kernel.blobs.stat(used.digest)));
});

t.test('an object or a put that comes in between saves its blob', async (t) => {
  const kernel = await testKernel(t);
  const { digest } = await kernel.blobs.put(Buffer.from('wanted'));
  const between: (() => Promise<unknown>)[] = [];
  /** Does what is next in `between` before each deletion: after the collector has looked. */
  const instead: Partial<BlobClient> = {
    list: () => kernel.blobs.list(),
    keep: (each: string) => kernel.blobs.keep(each),
    sweep: (age: number) => kernel.blobs.sweep(age),
    async delete(each: string, options?: { revision?: number }) {
      await between.shift()?.();
      await kernel.blobs.delete(each, options);
    },
  };
  const blobs = Object.create(kernel.blobs, Object.getOwnPropertyDescriptors(instead)) as BlobClient;
  const collector = new Collector({ blobs, objects: kernel.objects, log }, 0);
  between.push(() => kernel.blobs.put(Buffer.from('wanted')));
  await collector.collect();
  t.ok(await kernel.blobs.stat(digest), 'put again meanwhile');

  between.push(() => refer(kernel, 'p', digest));
  await collector.collect();
  t.equal((await buffer(await kernel.blobs.get(digest))).toString(), 'wanted', 'referred to meanwhile');

  await kernel.objects.delete(Plugins, { name: 'p' });
  await collector.collect();
  t.equal(await kernel.blobs.stat(digest), undefined);
  t.notOk(await kernel.blobs.keep(digest), 'swept at once: the grace is none');
});

t.test('a blob whose referrer went away has the whole grace period', async (t) => {
  const kernel = await testKernel(t);
  const { digest } = await kernel.blobs.put(Buffer.from('old'));
  await refer(kernel, 'p', digest);
  const collector = new Collector({ blobs: kernel.blobs, objects: kernel.objects, log }, 500);
  await new Promise((resolve) => setTimeout(resolve, 600));
  await collector.collect();
  await kernel.objects.delete(Plugins, { name: 'p' });
  await collector.collect();
  t.ok(await kernel.blobs.stat(digest), 'older than that as it is');
  await eventually('it goes', async () => {
    await collector.collect();
    return !(await kernel.blobs.stat(digest));
  });
});
