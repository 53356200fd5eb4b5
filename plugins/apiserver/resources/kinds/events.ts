import { type Event, Events, type Resource } from 'orlop/plugin';
import { age } from '../../printing/duration.ts';
import { invalid } from '../errors.ts';
import { column, nameColumn, row } from '../row.ts';
import type { Column, FieldSelectors, ResourceRow, Strategy } from '../types.ts';

const fieldSelectors: FieldSelectors<Event> = {
  'involvedObject.kind': (event) => regarding(event).kind ?? '',
  'involvedObject.namespace': (event) => regarding(event).namespace ?? '',
  'involvedObject.name': (event) => regarding(event).name ?? '',
  'involvedObject.uid': (event) => regarding(event).uid ?? '',
  'involvedObject.apiVersion': (event) => regarding(event).apiVersion ?? '',
  'involvedObject.resourceVersion': (event) => regarding(event).resourceVersion ?? '',
  'involvedObject.fieldPath': (event) => regarding(event).fieldPath ?? '',
  reason: ({ reason }) => reason ?? '',
  reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
  source: (event) => sourceOf(event),
  type: ({ type }) => type ?? '',
};

function regarding({ involvedObject }: Partial<Event>): Event['involvedObject'] {
  return involvedObject ?? {};
}

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
  column('Object', (event) => {
    const { kind = '', name = '' } = regarding(event);
    return `${kind.toLowerCase()}/${name}`;
  }),
  column('Subobject', (event) => regarding(event).fieldPath ?? '', { wide: true }),
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

/** Events about cluster-scoped objects go here. */
const CLUSTER_NAMESPACES = ['default', 'kube-system'];

/** Source: kubernetes `pkg/apis/core/validation/events.go`. */
const strategy: Strategy<Event> = {
  allowCreateOnUpdate: true,
  validate(event) {
    const { namespace: own = '' } = event.metadata ?? {};
    const copy = { ...event };
    toStorage(copy);
    const { namespace = '' } = regarding(copy);
    const fits = namespace === '' ? CLUSTER_NAMESPACES.includes(own) : namespace === own;
    return fits ? [] : [invalid('involvedObject.namespace', namespace, 'does not match event.namespace')];
  },
};

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
