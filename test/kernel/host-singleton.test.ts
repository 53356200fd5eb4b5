import { definePlugin, Leases, type PluginDeclaration, Plugins } from 'orlop/plugin';
import t from 'tap';
import { eventually, testKernel } from '../cluster.ts';

/** Writes down who acts, and notices two at once. */
function only(active: string[], log: string[], who: string): PluginDeclaration {
  return definePlugin({
    name: 'only',
    kind: 'only.v1',
    version: '1.0.0',
    description: 'Acts in one kernel at a time.',
    singleton: true,
    start() {
      active.push(who);
      log.push(who);
      if (active.length > 1) throw new Error(`two at once: ${active.join()}`);
      return {
        stop() {
          active.splice(active.indexOf(who), 1);
        },
      };
    },
  }) as PluginDeclaration;
}

t.test('a singleton runs in one kernel, and moves when that stops', async (t) => {
  const active: string[] = [];
  const log: string[] = [];
  // Far longer than the test may take: only a release can hand over.
  const timing = { lease: 600_000 };
  const base = await testKernel(t);
  const one = await testKernel(t, { plugins: [only(active, log, 'one')], timing, join: base });
  const two = await testKernel(t, { plugins: [only(active, log, 'two')], timing, join: base });
  t.same(log, ['one']);
  t.match(two.plugins(), [{ phase: 'Standby', message: `runs in kernel ${one.id}, which holds its lease` }]);
  const lease = (await base.objects.get(Leases, { namespace: 'kube-system', name: 'only' }))?.value;
  t.match(lease?.spec, { holderIdentity: one.id, leaseTransitions: 0 });
  const back = await two.restart();
  t.same(log, ['one'], 'a second kernel comes and goes unnoticed');

  await one.stop();
  await eventually('the other kernel has it', () => active.join() === 'two');
  const again = await one.restart({ plugins: [only(active, log, 'one again')] });
  t.match(again.plugins(), [
    { phase: 'Standby', message: `runs in kernel ${back.id}, which holds its lease` },
  ]);
  await back.stop();
  await eventually('it has come back', () => active.join() === 'one again');
  await eventually('its object names the kernel', async () => {
    const status = (await base.objects.get(Plugins, { name: 'only' }))?.value.status;
    return status?.phase === 'Running' && status.kernels?.join() === again.id;
  });
  t.same(log, ['one', 'two', 'one again']);
});

t.test(
  'the lease of a kernel that is gone is taken over when it ends, and at once by the same kernel',
  async (t) => {
    const active: string[] = [];
    const log: string[] = [];
    const kernel = await testKernel(t, { timing: { lease: 1_500 } });
    const hold = async (holderIdentity: string): Promise<void> => {
      await kernel.objects.create(Leases, {
        metadata: { namespace: 'kube-system', name: 'only' },
        spec: { holderIdentity, leaseDurationSeconds: 2, leaseTransitions: 4 },
      });
    };
    await hold('gone-12345');
    const other = await testKernel(t, {
      plugins: [only(active, log, 'other')],
      timing: { lease: 1_500 },
      join: kernel,
    });
    t.match(other.plugins(), [
      { phase: 'Standby', message: 'runs in kernel gone-12345, which holds its lease' },
    ]);
    await eventually('it is taken over', () => log.length > 0);
    const taken = (await kernel.objects.get(Leases, { namespace: 'kube-system', name: 'only' }))?.value;
    t.match(taken?.spec, { holderIdentity: other.id, leaseTransitions: 5 });
    await other.stop();
    await kernel.objects.delete(Leases, { namespace: 'kube-system', name: 'only' });
    await hold(other.id);
    const same = await other.restart({ timing: { lease: 600_000 } });
    t.equal(same.id, other.id);
    t.match(same.plugins(), [{ phase: 'Running' }], 'running when the start returns');
  },
);

t.test('a kernel that loses its lease stops acting', async (t) => {
  const active: string[] = [];
  const log: string[] = [];
  const kernel = await testKernel(t, { plugins: [only(active, log, 'one')], timing: { lease: 2_000 } });
  t.same(active, ['one']);
  const key = { namespace: 'kube-system', name: 'only' };
  await kernel.objects.modify(Leases, key, (lease) => {
    lease.spec = { ...lease.spec, holderIdentity: 'usurper' };
  });
  await eventually('it has stopped', () => active.length === 0);
  await eventually('it acts again when the other has gone silent', () => active.length === 1);
});
