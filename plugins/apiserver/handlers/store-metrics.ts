import type { ObjectClient } from 'orlop/plugin';
import type { Exchange } from '../http/exchange.ts';

type Metric = readonly [name: string, type: 'gauge' | 'counter', help: string, value: number];

/** `/metrics`: what the store of this process holds and did, in Prometheus' text form. */
export function storeMetrics(objects: ObjectClient): (exchange: Exchange) => Promise<void> {
  return async (exchange) => {
    const { objects: count, bytes, events, watchers, written } = objects.stats();
    const metrics: Metric[] = [
      ['orlop_store_objects', 'gauge', 'Objects held in memory.', count],
      ['orlop_store_bytes', 'gauge', 'Bytes of the objects and of the past that is kept for watches.', bytes],
      ['orlop_store_events', 'gauge', 'Past events that are kept for watches.', events],
      ['orlop_store_watchers', 'gauge', 'Watches that are open.', watchers],
      ['orlop_store_messages_total', 'counter', 'Messages sent to NATS to write objects.', written.messages],
      ['orlop_store_flights_total', 'counter', 'Batches and single messages they went in.', written.flights],
      [
        'orlop_store_conflicts_total',
        'counter',
        'Of those, refused because another write came first.',
        written.conflicts,
      ],
      [
        'orlop_store_unknown_outcomes_total',
        'counter',
        'Of those, without an answer, so that the outcome had to be found out.',
        written.unknown,
      ],
    ];
    const text = metrics.map(
      ([name, type, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`,
    );
    await exchange.bytes(200, text.join(''), 'text/plain; version=0.0.4; charset=utf-8');
  };
}
