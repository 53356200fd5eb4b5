/** What a fuzz test makes of good requests. */
import type { Random } from './random.ts';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

const ODD: readonly (() => Json)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 1.5,
  () => 2 ** 63,
  () => 1e308,
  () => '',
  () => '\u0000',
  () => '../../..',
  () => 'ü'.repeat(300),
  () => '9'.repeat(400),
  () => '2020-13-45T99:99:99Z',
  () => '100Pi%',
  () => [],
  () => ({}),
  () => [null],
  () => [[[[]]]],
  () => ({ '': '' }),
  () => JSON.parse('{"__proto__":{"a":1},"constructor":1,"toString":{}}') as Json,
  () => ({ $patch: 'delete' }),
  () => ({ $retainKeys: ['x'], '$setElementOrder/containers': [{ name: 1 }] }),
  () => ({ '$deleteFromPrimitiveList/finalizers': [{}] }),
  () => Array.from({ length: 200 }, (_, i) => ({ name: `n${i}` })),
  () => JSON.parse(`${'{"a":'.repeat(400)}1${'}'.repeat(400)}`) as Json,
];

/** A copy of `value` with something odd in one place of it. */
export function mutate(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random.chance(0.15)) return random.pick(ODD)();
  const entries: [string, unknown][] = Object.entries(value);
  if (entries.length === 0 || random.chance(0.1)) {
    const name = random.pick(['extra', 'name', 'metadata', 'spec', '__proto__', 'constructor', '$patch', '']);
    entries.push([name, random.pick(ODD)()]);
  } else {
    const at = random.below(entries.length);
    const [name, child] = entries[at]!;
    if (random.chance(0.1)) entries.splice(at, 1);
    else entries[at] = [name, mutate(random, child)];
  }
  if (Array.isArray(value)) return entries.map(([, child]) => child);
  // Not by assignment, which gives a `__proto__` its meaning.
  return Object.fromEntries(entries);
}

/** Bytes cut off, repeated, replaced or put in. */
export function corrupt(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  const noise = Buffer.from(Array.from({ length: 1 + random.below(8) }, () => random.below(256)));
  switch (random.below(5)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + noise.length)]);
    default:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(TOKENS)), bytes.subarray(at)]);
  }
}

const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\u0000',
  '\\',
  '\n',
  '---\n',
  '&a ',
  '*a',
  '<<: *a',
  '!!js/x ',
];

const SEGMENTS = [
  '',
  '.',
  '..',
  '%',
  '%00',
  '%2F',
  '%ff',
  'watch',
  'status',
  'scale',
  'log',
  'eviction',
  'v1',
  'apis',
];

export function mutatePath(random: Random, path: string): string {
  const segments = path.split('/');
  const at = 1 + random.below(segments.length);
  const segment = random.chance(0.1) ? 'x'.repeat(3_000) : random.pick([...SEGMENTS, '__proto__', 'a+b']);
  segments.splice(at, random.below(2), segment);
  return segments.join('/');
}

const PARAMETERS = [
  ...[
    'watch',
    'limit',
    'continue',
    'resourceVersion',
    'resourceVersionMatch',
    'labelSelector',
    'fieldSelector',
  ],
  ...[
    'timeoutSeconds',
    'sendInitialEvents',
    'allowWatchBookmarks',
    'dryRun',
    'fieldValidation',
    'fieldManager',
  ],
  ...['force', 'pretty', 'includeObject', 'gracePeriodSeconds', 'propagationPolicy', 'orphanDependents'],
  ...['container', 'tailLines', 'sinceTime', 'follow', '__proto__'],
];
const VALUES = [
  ...[
    '',
    '0',
    '1',
    '-1',
    'true',
    'false',
    'All',
    'Strict',
    'Warn',
    'Exact',
    'NotOlderThan',
    'Background',
    'x',
  ],
  ...[
    '999999999999999999999',
    '1e3',
    'NaN',
    'a=b',
    'a in (b,c)',
    '!a',
    'a in (',
    'metadata.name=x',
    '=',
    ',,,',
  ],
  ...['spec.nope=1', 'metadata.name!=x', '%', '%ff', 'eyJ2IjoxfQ', '\u0000', 'status.phase=Running'],
];

export function randomQuery(random: Random): string {
  const count = random.below(4);
  const pairs = Array.from({ length: count }, () => {
    const value = random.pick(VALUES);
    return `${random.pick(PARAMETERS)}=${random.chance(0.2) ? value.replaceAll(/[^\x21-\x7e]/g, '') : encodeURIComponent(value)}`;
  });
  return count === 0 ? '' : `?${pairs.join('&')}`;
}

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  accept: [
    ...[
      '*/*',
      'text/html',
      'application/json;as=Table;v=v1;g=meta.k8s.io',
      ';;;',
      'application/json;as=__proto__',
    ],
    ...[
      'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
      'application/vnd.kubernetes.protobuf',
      ',',
    ],
  ],
  'accept-encoding': ['gzip', 'gzip;q=0', 'br'],
  'content-encoding': ['gzip', 'br', 'identity'],
  'user-agent': ['', '/', 'kubectl/v1.34.5 (linux/amd64)', 'x'.repeat(4_000)],
  'impersonate-user': ['', 'someone'],
  'x-forwarded-for': ['nonsense'],
  expect: ['100-continue'],
  connection: ['close', 'upgrade'],
  upgrade: ['websocket', 'SPDY/3.1'],
};

export function randomHeaders(random: Random): Record<string, string> {
  const names = Object.keys(HEADERS).filter(() => random.chance(0.08));
  return Object.fromEntries(names.map((name) => [name, random.pick(HEADERS[name]!)]));
}
