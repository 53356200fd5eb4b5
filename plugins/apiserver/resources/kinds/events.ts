import { type Event, Events } from 'orlop/plugin';
import { age } from '../../printing/duration.ts';
import { column, nameColumn, row } from '../row.ts';
import type { Column, FieldSelectors, ResourceRow } from '../types.ts';

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

/** Source: kubernetes `printers/internalversion/printers.go`, printEvent. */
export const eventRows: readonly ResourceRow[] = [
  row<Event>(Events, {
    shortNames: ['ev'],
    strategy: { allowCreateOnUpdate: true },
    fieldSelectors,
    columns: [
      column('Last Seen', (event, now) => age(lastSeen(event), now)),
      column('Type', ({ type }) => type ?? ''),
      column('Reason', ({ reason }) => reason ?? ''),
      column('Object', ({ involvedObject: { kind = '', name = '' } }) => `${kind.toLowerCase()}/${name}`),
      column('Subobject', ({ involvedObject }) => involvedObject.fieldPath ?? '', { wide: true }),
      column(
        'Source',
        (event) =>
          [sourceOf(event), event.source?.host || event.reportingInstance].filter(Boolean).join(', '),
        { wide: true },
      ),
      column('Message', ({ message }) => (message ?? '').trim()),
      column('First Seen', (event, now) => age(firstSeen(event), now), { wide: true }),
      column('Count', ({ count, series }) => series?.count ?? count ?? 1, { wide: true, type: 'string' }),
      wideName,
    ],
  }),
];
