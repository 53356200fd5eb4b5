/** Events as plugins record them. */
import { ConfigMaps, type EventDetails, Events, eventRecorder } from 'orlop/plugin';
import t from 'tap';
import { eventually, testKernel } from '../cluster.ts';

t.test('Events are listed in the order they happened, and repeats are counted', async (t) => {
  const { objects } = await testKernel(t);
  const log = { debug() {}, info() {}, warn: (text: string) => t.fail(text), error() {} };
  const { value } = await objects.create(ConfigMaps, { metadata: { namespace: 'default', name: 'it' } });
  const record = (details: Partial<EventDetails>, recorder = first) =>
    recorder.event(ConfigMaps, value, { type: 'Normal', reason: 'Is', message: '', ...details });
  const [first, second] = [eventRecorder({ objects, log }, 'one'), eventRecorder({ objects, log }, 'one')];
  const messages = Array.from({ length: 20 }, (_, index) => `message ${index}`);
  const recorded = async () =>
    (await objects.list(Events)).items.map(({ value: { message, count } }) => `${message}: ${count}`);
  for (const message of messages) record({ message });
  await eventually('all are there', async () => (await recorded()).length === messages.length);
  record({ message: 'message 7' });
  await eventually('it is counted', async () => (await recorded())[7] === 'message 7: 2');
  t.same(
    await recorded(),
    messages.map((message) => `${message}: ${message === 'message 7' ? 2 : 1}`),
  );

  const shared = async () => (await recorded()).filter((each) => each.startsWith('shared'));
  record({ message: 'shared', once: false });
  await eventually('it is there', async () => (await shared()).length === 1);
  record({ message: 'shared', once: false }, second);
  await eventually('it is counted, whoever recorded it', async () => (await shared())[0] === 'shared: 2');
  record({ message: 'shared', once: true }, second);
  record({ message: 'end' });
  await eventually('the last is there', async () => (await recorded()).includes('end: 1'));
  t.same(await shared(), ['shared: 2']);
});
