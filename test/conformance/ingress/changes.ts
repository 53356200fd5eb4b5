import { Agent } from 'node:http';
import { EndpointSlices, Ingresses } from 'orlop/plugin';
import { type Checks, eventually } from '../checks.ts';
import { ask } from './client.ts';
import type { Seen } from './pod.ts';
import { DOMAIN, ingress, NAMESPACE, pods, rule, type Site, service, slice } from './site.ts';

const CLIENTS = 4;

/** All ready endpoints are used; pods, rules and the plugin itself come and go while requests run, and none of those fails. */
export async function changesConformance(t: Checks, site: Site, swap?: () => Promise<void>): Promise<void> {
  const { objects, http, patienceMs } = site;
  const host = `changes.${DOMAIN}`;
  const [one, two, three] = await pods(t, site, ['one', 'two', 'three']);
  await service(objects, 'changes');
  for (const pod of [one!, two!]) await objects.create(EndpointSlices, slice('changes', pod));
  await objects.create(EndpointSlices, slice('changes', three!, { ready: false }));
  await ingress(site, 'changes', { rules: [rule(host, 'changes')] });
  const served = async (): Promise<boolean> => {
    const { status } = await ask(http, { host });
    return status === 200;
  };
  await eventually('the Ingress is served', served, patienceMs);

  const answers = new Map<string, number>();
  const count = (pod: string): number => answers.get(pod) ?? 0;
  const failures: string[] = [];
  const done = new AbortController();
  const load = async (agent: Agent | undefined): Promise<void> => {
    while (!done.signal.aborted) {
      try {
        const { status, text } = await ask(http, { host, ...(agent ? { agent } : {}) });
        if (status !== 200) failures.push(`${status} ${text}`);
        else answers.set((JSON.parse(text) as Seen).pod, count((JSON.parse(text) as Seen).pod) + 1);
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const agent = new Agent({ keepAlive: true });
  const loads = Array.from({ length: CLIENTS }, (_, index) => load(index % 2 === 0 ? agent : undefined));
  try {
    const some = (pod: string): Promise<void> => {
      const target = count(pod) + 20;
      return eventually(`requests reach ${pod}`, () => count(pod) > target, patienceMs);
    };
    await some('one');
    await some('two');
    t.pass('each ready endpoint is used');
    t.equal(count('three'), 0, 'and no other');

    await objects.update(EndpointSlices, slice('changes', three!));
    await some('three');
    t.pass('one that becomes ready is used, too');
    await objects.delete(EndpointSlices, {
      namespace: NAMESPACE,
      name: slice('changes', one!).metadata!.name!,
    });
    await eventually(
      'an endpoint that has left gets no more requests',
      async () => {
        const before = count('one');
        await some('two');
        return count('one') === before;
      },
      patienceMs,
    );
    one!.stop();
    await some('three');
    t.pass('one that has left gets no more requests');

    await objects.modify(Ingresses, { namespace: NAMESPACE, name: 'changes' }, ({ spec }) => {
      spec!.rules![0]!.http!.paths[0]!.backend.service!.name = 'two';
    });
    await eventually(
      'the new rule is followed',
      async () => {
        const before = count('three');
        await some('two');
        return count('three') === before;
      },
      patienceMs,
    );
    t.pass('a rule that changes is followed');
    if (swap) {
      await swap();
      await some('two');
      t.pass('a swap is survived');
    }
  } finally {
    done.abort();
    await Promise.all(loads);
    agent.destroy();
  }
  t.same(failures.slice(0, 5), [], 'no request fails meanwhile');
}
