import type { Msg } from 'nats';
import t from 'tap';
import { ConfigMaps } from '../../kernel/contract/index.ts';
import { serialize } from '../../kernel/store/bytes.ts';
import { Cache } from '../../kernel/store/cache.ts';
import { Encodings } from '../../kernel/store/encodings.ts';
import { resourceId, subjectOf } from '../../kernel/store/subjects.ts';
import { Watcher } from '../../kernel/store/watcher.ts';

const key = { namespace: 'default', name: 'a' };

function message(uid: string): Msg {
  const data = serialize(ConfigMaps, { metadata: { ...key, uid } });
  return { subject: subjectOf(ConfigMaps, key), data } as unknown as Msg;
}

t.test('an object replaced while this process was away ends its watches', async (t) => {
  const cache = new Cache(new Encodings([]));
  t.equal(cache.begin({ epoch: 'e', lastRevision: 1, replicas: 1, rewound: false }), 0, 'a first load');
  cache.message(1, message('one'), '');
  cache.caughtUp(1);
  const table = cache.table(resourceId(ConfigMaps));
  const errors: (Error | undefined)[] = [];
  const watch = (): void => {
    const sink = { event: () => undefined, closed: (error?: Error) => errors.push(error) };
    table.watchers.add(new Watcher({ since: 1 }, sink, (watcher) => table.watchers.delete(watcher)));
  };
  watch();
  t.equal(
    cache.begin({ epoch: 'e', lastRevision: 9, replicas: 1, rewound: false }),
    2,
    'a session that goes on',
  );
  cache.message(9, message('two'), '');
  cache.caughtUp(9);
  t.match(errors, [{ reason: 'Expired' }]);
  t.throws(() => table.since(8), { name: 'StatusError', reason: 'Expired' } as object as Error);
  t.strictSame(table.since(9), []);

  watch();
  t.equal(
    cache.begin({ epoch: 'other', lastRevision: 2, replicas: 1, rewound: false }),
    0,
    'another stream is loaded anew',
  );
  t.match(errors[1], { reason: 'Expired' });
});

t.test('a consumer that starts too early repeats nothing', async (t) => {
  const cache = new Cache(new Encodings([]));
  cache.begin({ epoch: 'e', lastRevision: 0, replicas: 3, rewound: false });
  cache.caughtUp(0);
  const revisions: number[] = [];
  const sink = {
    event: (event: { revision: number }) => revisions.push(event.revision),
    closed: () => undefined,
  };
  const table = cache.table(resourceId(ConfigMaps));
  table.watchers.add(new Watcher({ since: 0 }, sink, () => undefined));
  cache.message(1, message('one'), '');
  cache.message(2, message('one'), '');
  t.equal(cache.begin({ epoch: 'e', lastRevision: 2, replicas: 3, rewound: false }), 3);
  for (const revision of [1, 2, 3]) cache.message(revision, message('one'), '');
  t.strictSame(revisions, [1, 2, 3]);
  t.equal(cache.applied, 3);
});

t.test('waiting for a revision', async (t) => {
  const cache = new Cache(new Encodings([]));
  cache.begin({ epoch: 'e', lastRevision: 0, replicas: 1, rewound: false });
  const loaded = cache.wait(0, 60_000);
  const later = cache.wait(5, 60_000);
  cache.caughtUp(3);
  await loaded;
  await t.rejects(cache.wait(4, 1), {
    reason: 'Timeout',
    message: /Too large resource version: 4, current: 3/,
  });
  const abort = new AbortController();
  const given = cache.wait(4, 60_000, abort.signal);
  abort.abort();
  await t.rejects(given, { name: 'StatusError', reason: 'Timeout' } as object as Error);
  cache.message(7, message('one'), '');
  await later;
  const closed = cache.wait(8, 60_000);
  cache.close();
  await t.rejects(closed, { name: 'StatusError', reason: 'ServiceUnavailable' } as object as Error);
});

t.test('what is long past can be read all the same', async (t) => {
  const cache = new Cache(new Encodings([]));
  cache.begin({ epoch: 'e', lastRevision: 0, replicas: 1, rewound: false });
  cache.caughtUp(0);
  const table = cache.table(resourceId(ConfigMaps));
  const uids = Array.from({ length: 400 }, (_, i) => `uid-${i}`);
  for (const [i, uid] of uids.entries()) {
    cache.message(i + 1, message(uid), '');
    t.equal(table.since(i)[0]?.value.metadata?.uid, uid);
  }
  t.strictSame(
    table.since(0).map(({ value, revision }) => [revision, value.metadata?.uid]),
    uids.map((uid, i) => [i + 1, uid]),
  );
});

t.test('the past is of the last five minutes, and at least the last events', async (t) => {
  const cache = new Cache(new Encodings([]));
  cache.begin({ epoch: 'e', lastRevision: 0, replicas: 1, rewound: false });
  cache.caughtUp(0);
  const table = cache.table(resourceId(ConfigMaps));
  const write = (from: number, to: number): void => {
    for (let revision = from; revision <= to; revision++) cache.message(revision, message('one'), '');
  };
  const minutes = (count: number): void => {
    for (let i = 0; i < count; i++) table.age();
  };
  const expired = { name: 'StatusError', reason: 'Expired' } as object as Error;
  write(1, 1_000);
  minutes(1);
  write(1_001, 1_300);
  minutes(4);
  t.equal(table.since(0).length, 1_300, 'of five minutes all is kept');
  minutes(1);
  t.throws(() => table.since(999), expired);
  t.equal(table.since(1_000).length, 300, 'then what is older goes');
  minutes(100);
  t.equal(table.ringSize, 128);
  t.equal(table.since(1_172)[0]?.revision, 1_173, 'the last are kept however old');
  t.throws(() => table.since(1_171), expired);
  const { bytes } = table;
  write(1_301, 1_301);
  minutes(100);
  t.equal(table.bytes, bytes, 'what has gone is counted no more');
});
