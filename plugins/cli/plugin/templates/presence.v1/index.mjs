import { randomUUID } from 'node:crypto';
import { definePlugin, PRESENCE, timestamp } from 'orlop/plugin';

/** Milliseconds. */
const INTERVAL = 1_000;

export default definePlugin({
  name: 'my-plugin',
  kind: 'presence.v1',
  version: '0.1.0',
  description: 'Says every second that this kernel is alive.',
  grants: { publish: [PRESENCE.here, PRESENCE.bye], subscribe: [PRESENCE.who] },
  start({ bus, kernel, inherited, defer }) {
    // A successor is the same run of the kernel.
    const run = /** @type {{ session: string, started: string }} */ (
      inherited?.state ?? { session: randomUUID(), started: timestamp() }
    );
    const member = { ...run, id: kernel.id, version: kernel.version, node: kernel.node, roles: [] };
    const announce = () => bus.publish(PRESENCE.here, { member, interval: INTERVAL });
    let isReplaced = false;
    bus.subscribe(PRESENCE.who, announce);
    announce();
    const timer = setInterval(announce, INTERVAL);
    defer(() => {
      clearInterval(timer);
      if (!isReplaced) bus.publish(PRESENCE.bye, member);
    });
    return {
      drain() {
        isReplaced = true;
        return { schema: 1, state: run };
      },
      resume() {
        isReplaced = false;
      },
    };
  },
});
