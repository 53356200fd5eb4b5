import { createHash } from 'node:crypto';
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
  /** Where there is such an Event already it is not counted again: for what was found, not seen to happen. */
  once?: boolean;
}

/** Records Kubernetes Events about objects. Repeats are counted on one Event, as client-go's correlator does. Never throws. */
export interface EventRecorder {
  event<T extends KubeObject>(resource: Resource<T>, regarding: T, details: EventDetails): void;
}

/** `component`: who reports, e.g. `default-scheduler`. Needs the grants create and update on Events. */
export function eventRecorder(
  ctx: { objects: ObjectClient; log: Logger },
  component: string,
  host = '',
): EventRecorder {
  return {
    event(resource, regarding, details) {
      record(ctx.objects, component, host, resource, regarding, details).catch((error: unknown) =>
        ctx.log.warn('an event could not be recorded', { reason: details.reason, error: String(error) }),
      );
    },
  };
}

async function record<T extends KubeObject>(
  objects: ObjectClient,
  component: string,
  host: string,
  resource: Resource<T>,
  regarding: T,
  details: EventDetails,
): Promise<void> {
  const { name = '', namespace, uid = '', resourceVersion = '' } = regarding.metadata ?? {};
  const identity = [component, uid, details.type, details.reason, details.message, details.fieldPath].join(
    '\0',
  );
  const key = {
    namespace: namespace ?? 'default',
    name: `${name}.${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`,
  };
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
