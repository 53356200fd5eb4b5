import { createHash, randomInt } from 'node:crypto';
import { isStatus } from '../errors.ts';
import type { ObjectClient, Resource } from '../objects.ts';
import type { Logger } from '../plugin.ts';
import { type KubeObject, timestamp } from './object.ts';
import { apiVersionOf } from './owners.ts';
import { Events } from './resources.ts';

export interface EventDetails {
  type: 'Normal' | 'Warning';
  /** CamelCase, e.g. `FailedScheduling`. */
  reason: string;
  message: string;
  /** `spec.containers{name}` where it is about one container. */
  fieldPath?: string;
  /**
   * True: where there is such an Event already it is not counted again, for what was found, not seen to happen. False: it is counted, whoever
   * recorded it. Absent: it is counted on what this recorder recorded.
   */
  once?: boolean;
}

/** How many an `EventRecorder` counts repeats of. Source: client-go's `maxLruCacheEntries`. */
const REMEMBERED = 4_096;

/** Records Kubernetes Events about objects, with names in the order they happened: clients sort by whole seconds. Repeats are counted on one Event, as client-go's correlator does. Never throws. */
export interface EventRecorder {
  event<T extends KubeObject>(resource: Resource<T>, regarding: T, details: EventDetails): void;
}

/** `component`: who reports, e.g. `default-scheduler`. Needs the grants create and update on Events. */
export function eventRecorder(
  ctx: { objects: ObjectClient; log: Logger },
  component: string,
  host = '',
): EventRecorder {
  const known = new Map<string, string>();
  const suffix = (identity: string, isShared: boolean): string => {
    if (isShared) return createHash('sha256').update(identity).digest('hex').slice(0, 16);
    const found = known.get(identity) ?? stamp();
    // The last to be forgotten.
    known.delete(identity);
    known.set(identity, found);
    if (known.size > REMEMBERED) known.delete(known.keys().next().value!);
    return found;
  };
  return {
    event(resource, regarding, details) {
      const { uid = '' } = regarding.metadata ?? {};
      const { type, reason, message, fieldPath, once } = details;
      const identity = [component, uid, type, reason, message, fieldPath].join('\0');
      const unique = suffix(identity, once !== undefined);
      record(ctx.objects, unique, component, host, resource, regarding, details).catch((error: unknown) =>
        ctx.log.warn('an event could not be recorded', { reason: details.reason, error: String(error) }),
      );
    },
  };
}

let last = 0;

/** As many digits as ever, later ones greater: microseconds since 1970 and something random, for other threads and processes. */
function stamp(): string {
  last = Math.max(last + 1, Math.round((performance.timeOrigin + performance.now()) * 1_000));
  return last.toString(16) + randomInt(0x1000).toString(16).padStart(3, '0');
}

async function record<T extends KubeObject>(
  objects: ObjectClient,
  unique: string,
  component: string,
  host: string,
  resource: Resource<T>,
  regarding: T,
  details: EventDetails,
): Promise<void> {
  const { name = '', namespace, uid = '', resourceVersion = '' } = regarding.metadata ?? {};
  const key = { namespace: namespace ?? 'default', name: `${name}.${unique}` };
  const now = timestamp();
  try {
    await objects.create(Events, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: key,
      involvedObject: {
        apiVersion: apiVersionOf(resource),
        kind: resource.kind,
        name,
        uid,
        resourceVersion,
        ...(namespace === undefined ? {} : { namespace }),
        ...(details.fieldPath === undefined ? {} : { fieldPath: details.fieldPath }),
      },
      type: details.type,
      reason: details.reason,
      message: details.message,
      source: { component, ...(host === '' ? {} : { host }) },
      reportingComponent: component,
      reportingInstance: host,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    });
  } catch (error) {
    if (!isStatus(error, 'AlreadyExists')) throw error;
    if (details.once) return;
    await objects.modify(Events, key, (event) => {
      event.count = (event.count ?? 1) + 1;
      event.lastTimestamp = now;
    });
  }
}
