import { type Event, Events, type Resource } from 'orlop/plugin';
import { age } from '../../printing/duration.ts';
import { column, nameColumn, row } from '../row.ts';
import type { Column, FieldSelectors, ResourceRow, Strategy } from '../types.ts';

const fieldSelectors: FieldSelectors<Event> = {
  'involvedObject.kind': ({ involvedObject }) => involvedObject.kind ?? '',
  'involvedObject.namespace': ({ involvedObject }) => involvedObject.namespace ?? '',
  'involvedObject.name': ({ involvedObject }) => involvedObject.name ?? '',
  'involvedObject.uid': ({ involvedObject }) => involvedObject.uid ?? '',
  'involvedObject.apiVersion': ({ involvedObject }) => involvedObject.apiVersion ?? '',
  'involvedObject.resourceVersion': ({ involvedObject }) => involvedObject.resourceVersion ?? '',
  'involvedObject.fieldPath': ({ involvedObject }) => involvedObject.fieldPath ?? '',
  reason: ({ reason }) => reason ?? '',
  reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
  source: (event) => sourceOf(event),
  type: ({ type }) => type ?? '',
};

function sourceOf({ source, reportingComponent }: Event): string {
  return source?.component || reportingComponent || '';
}

function lastSeen(event: Event): string | undefined {
  return event.series?.lastObservedTime ?? event.lastTimestamp ?? firstSeen(event);
}

function firstSeen(event: Event): string | undefined {
  return event.firstTimestamp ?? event.eventTime ?? event.metadata?.creationTimestamp;
}

const wideName: Column<Event> = { ...nameColumn, priority: 1 };

/** Field of `events.k8s.io/v1` -> of `v1`, where they differ. Source: kubernetes `pkg/apis/events/v1/conversion.go`. */
const RENAMED = {
  regarding: 'involvedObject',
  note: 'message',
  reportingController: 'reportingComponent',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
} as const;

function rename(event: object, pairs: Iterable<readonly [from: string, to: string]>): void {
  const fields = event as Record<string, unknown>;
  for (const [from, to] of pairs) {
    if (fields[from] === undefined) continue;
    fields[to] = fields[from];
    delete fields[from];
  }
}

const NEWER: Resource<Event> = { ...Events, group: 'events.k8s.io' };

function toStorage(event: Event): void {
  rename(event, Object.entries(RENAMED));
}

function fromStorage(event: Event): void {
  rename(
    event,
    Object.entries(RENAMED).map(([newer, older]) => [older, newer] as const),
  );
}

/** Reads the newer form with what is written for the older one. */
function older<A extends unknown[], R>(
  read: (event: Event, ...rest: A) => R,
): (event: Event, ...rest: A) => R {
  return (event, ...rest) => {
    const copy = { ...event };
    toStorage(copy);
    return read(copy, ...rest);
  };
}

/** Source: kubernetes `printers/internalversion/printers.go`, printEvent. */
const columns: readonly Column<Event>[] = [
  column('Last Seen', (event, now) => age(lastSeen(event), now)),
  column('Type', ({ type }) => type ?? ''),
  column('Reason', ({ reason }) => reason ?? ''),
  column('Object', ({ involvedObject: { kind = '', name = '' } }) => `${kind.toLowerCase()}/${name}`),
  column('Subobject', ({ involvedObject }) => involvedObject.fieldPath ?? '', { wide: true }),
  column(
    'Source',
    (event) => [sourceOf(event), event.source?.host || event.reportingInstance].filter(Boolean).join(', '),
    { wide: true },
  ),
  column('Message', ({ message }) => (message ?? '').trim()),
  column('First Seen', (event, now) => age(firstSeen(event), now), { wide: true }),
  column('Count', ({ count, series }) => series?.count ?? count ?? 1, { wide: true, type: 'string' }),
  wideName,
];

const strategy: Strategy<Event> = { allowCreateOnUpdate: true };

export const eventRows: readonly ResourceRow[] = [
  row<Event>(Events, { shortNames: ['ev'], strategy, fieldSelectors, columns }),
  row<Event>(NEWER, {
    shortNames: ['ev'],
    strategy,
    storage: Events,
    conversion: { fromStorage, toStorage },
    columns: columns.map((each) => ({
      ...each,
      value: older((event, now: number) => each.value(event, now)),
    })),
    fieldSelectors: Object.fromEntries(
      Object.entries(fieldSelectors).map(([label, read]) => [
        label.replace('involvedObject.', 'regarding.').replace('reportingComponent', 'reportingController'),
        older(read),
      ]),
    ),
  }),
];
