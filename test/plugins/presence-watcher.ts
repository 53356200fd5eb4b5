/** Says over the bus which kernels it sees from its worker thread, for `presence.test.ts`. */
import { attend, definePlugin } from 'orlop/plugin';

export default definePlugin({
  name: 'watcher',
  kind: 'watcher.v1',
  version: '1.0.0',
  description: 'Attends from a worker thread.',
  isolation: { worker: 'watcher' },
  grants: { publish: ['presence.who'], subscribe: ['presence.*', 'watcher.ids'] },
  start(ctx) {
    const attendance = attend(ctx.bus);
    ctx.defer(() => attendance.close());
    ctx.bus.serve('watcher.ids', () => attendance.members().map(({ id }) => id));
    return {};
  },
});
