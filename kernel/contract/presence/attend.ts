import type { BusClient } from '../bus.ts';
import { isMember, isSign, type Member, PRESENCE } from './member.ts';
import { type Changed, Roll } from './roll.ts';

const EXPIRY_MS = 100;

export interface Attendance {
  /** Sorted by id. Those who were there before `attend` are known within moments of it: they are asked. */
  members(): Member[];
  close(): void;
}

/**
 * Follows which kernels are alive, this one among them. `changed` is told of each that joins or leaves. A kernel that stops in order leaves at once,
 * one that is killed or cut off within three of its intervals, and one that was started again leaves and joins. Needs the grants to subscribe
 * to `presence.*` and to publish to `presence.who`; close it with `ctx.defer`.
 */
export function attend(
  bus: Pick<BusClient, 'publish' | 'subscribe'>,
  changed: Changed = () => undefined,
): Attendance {
  const roll = new Roll(changed);
  // Time in which this process did not run is nobody's silence: what came meanwhile is still to be read.
  let clock = 0;
  let last = performance.now();
  const tick = (): void => {
    const now = performance.now();
    clock += Math.min(now - last, 2 * EXPIRY_MS);
    last = now;
    roll.expire(clock);
  };
  const subscriptions = [
    bus.subscribe(PRESENCE.here, (data) => {
      if (isSign(data)) roll.here(data, clock);
    }),
    bus.subscribe(PRESENCE.bye, (data) => {
      if (isMember(data)) roll.bye(data);
    }),
  ];
  const expiry = setInterval(tick, EXPIRY_MS);
  bus.publish(PRESENCE.who, null);
  return {
    members: () => roll.members(),
    close() {
      clearInterval(expiry);
      for (const each of subscriptions) each.close();
    },
  };
}
