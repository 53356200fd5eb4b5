import t from 'tap';
import { podInfo } from '../../../plugins/scheduler/pod.ts';
import { type QueuedPod, SchedulingQueue } from '../../../plugins/scheduler/queue.ts';

function info(name: string, priority = 0) {
  return podInfo({ metadata: { name, uid: name }, spec: { containers: [], priority } });
}

function drain(queue: SchedulingQueue, now: number): string[] {
  const names: string[] = [];
  for (let each = queue.pop(now); each; each = queue.pop(now)) names.push(each.info.uid);
  return names;
}

function popped(queue: SchedulingQueue, now: number): QueuedPod {
  const entry = queue.pop(now);
  if (!entry) throw new Error('the queue is empty');
  return entry;
}

t.test('by priority, then age', async (t) => {
  const queue = new SchedulingQueue();
  for (const [name, priority] of [
    ['c', 0],
    ['a', 10],
    ['d', 0],
    ['b', 10],
    ['e', -1],
  ] as const) {
    queue.add(info(name, priority), 'abcde'.indexOf(name));
  }
  t.strictSame(drain(queue, 10), ['a', 'b', 'c', 'd', 'e']);
  t.equal(queue.length, 0);
});

t.test('a pod that failed waits for an event, then for its back-off', async (t) => {
  const queue = new SchedulingQueue();
  queue.add(info('a'), 0);
  queue.putBack(popped(queue, 0), 0, false);
  t.equal(queue.pop(5_000), undefined, 'time alone does not help');
  queue.wake();
  t.equal(queue.pop(500), undefined, 'its back-off lasts');
  t.equal(queue.nextAt(), 1_000);
  queue.putBack(popped(queue, 1_000), 1_000, true);
  t.equal(queue.nextAt(), 3_000, 'the second back-off is twice as long');
  let now = 3_000;
  for (; now < 1e6; now += 1e5) queue.putBack(popped(queue, now), now, true);
  t.equal(queue.nextAt(), now - 1e5 + 10_000, 'and never over 10 s');
});

t.test('after five minutes an unschedulable pod is tried anyway', async (t) => {
  const queue = new SchedulingQueue();
  queue.add(info('a'), 0);
  queue.putBack(popped(queue, 0), 0, false);
  t.equal(queue.nextAt(), 301_000);
  t.equal(popped(queue, 301_000).info.uid, 'a');
});

t.test('a changed pod is tried at once, once, as it now is; a dropped one never', async (t) => {
  const queue = new SchedulingQueue();
  queue.add(info('a'), 0);
  queue.putBack(popped(queue, 0), 0, false);
  queue.add(info('a', 7), 1);
  queue.add(info('a', 8), 2);
  t.equal(popped(queue, 2).info.priority, 8);
  t.equal(queue.pop(1e9), undefined);
  queue.add(info('b'), 0);
  t.equal(queue.refresh(info('b', 3)), true);
  queue.drop('b');
  t.equal(queue.pop(1e9), undefined);
  t.equal(queue.refresh(info('b')), false);
});
