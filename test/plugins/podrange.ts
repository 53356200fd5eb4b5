import { randomInt } from 'node:crypto';
import { overlap, parseCidr } from '../../plugins/network/cidr.ts';
import { routedRanges } from '../../plugins/network/routes.ts';

/** A /16 for pods that nothing on this machine routes: the range of services of another cluster, also of one that was killed, would be in its way. */
export async function podRange(): Promise<string> {
  const routed = await routedRanges();
  const free = Array.from({ length: 80 }, (_, index) => `10.${160 + index}.0.0/16`).filter(
    (range) => !routed.some((each) => overlap(each, parseCidr(range))),
  );
  return free[randomInt(free.length)]!;
}
