import { attend, type BusClient, isMember, isSign, type Member, PRESENCE, type Sign } from 'orlop/plugin';
import { type Checks, eventually } from './checks.ts';

export interface PresenceFixture {
  /** Of the kernel that it runs in. */
  bus: BusClient;
  kernel: { id: string; node?: string };
  /** Swaps it for itself. */
  swap(): Promise<void>;
  /** Starts another kernel of the cluster with it, which stands for `node`. */
  another(node: string): Promise<{ id: string; stop(): Promise<void> }>;
}

/** The suite every plugin of kind `presence.v1` passes: it provides no service, so it is listened to. */
export async function presenceConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<PresenceFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to presence.v1`, async (t) => {
    const { bus, kernel, swap, another } = await make(t);
    const signs: Sign[] = [];
    const byes: Member[] = [];
    const strange: unknown[] = [];
    const listen = <T>(subject: string, isOne: (data: unknown) => data is T, to: T[]): void => {
      const subscription = bus.subscribe(
        subject,
        (data) => void (isOne(data) ? to : strange).push(data as T),
      );
      t.teardown(() => subscription.close());
    };
    listen(PRESENCE.here, isSign, signs);
    listen(PRESENCE.bye, isMember, byes);

    bus.publish(PRESENCE.who, null);
    await eventually('whoever asks is answered', () => signs.length > 0);
    const { member, interval } = signs[0]!;
    t.equal(member.id, kernel.id, 'it says which kernel it is');
    t.equal(member.node, kernel.node, 'and for which node it stands');
    t.ok(Date.parse(member.started) <= Date.now(), 'since when');
    t.ok(member.version !== '' && member.session !== '', 'in which version, and in which run of it');

    signs.length = 0;
    const asked = performance.now();
    bus.publish(PRESENCE.who, { what: 'ever' });
    await eventually('it is asked again', () => signs.length > 0);
    t.ok(performance.now() - asked < interval, 'it answers at once, whatever comes with the question');
    signs.length = 0;
    await new Promise((resolve) => setTimeout(resolve, 3 * interval));
    t.ok(signs.length >= 2, 'unasked it gives a sign at its interval');

    signs.length = 0;
    await swap();
    bus.publish(PRESENCE.who, null);
    await eventually('its successor answers', () => signs.length > 0);
    t.ok(
      signs.every((sign) => sign.member.session === member.session && sign.member.started === member.started),
      'a swap is the same run',
    );
    t.same(byes, [], 'and no goodbye');

    const changes: string[] = [];
    const attendance = attend(bus, (change, { id }) => changes.push(`${id} ${change}`));
    t.teardown(() => attendance.close());
    const of = (id: string): Member | undefined => attendance.members().find((each) => each.id === id);
    await eventually('whoever attends sees it', () => of(kernel.id));
    const other = await another('conformance-2');
    await eventually('another joins', () => of(other.id), 3 * interval + 2_000);
    t.equal(of(other.id)?.node, 'conformance-2', 'another kernel is another member');
    t.not(of(other.id)?.session, member.session);
    await other.stop();
    await eventually('it says goodbye', () => byes.length > 0);
    t.same(
      byes.map(({ id }) => id),
      [other.id],
      'a kernel that stops says goodbye, once',
    );
    t.notOk(of(other.id), 'and is gone');
    t.ok(of(kernel.id), 'while the others stay');
    t.same(changes.sort(), [`${kernel.id} joined`, `${other.id} joined`, `${other.id} left`].sort());
    t.same(strange, [], 'it says nothing else');
  });
}
