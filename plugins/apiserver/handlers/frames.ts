import {
  apiVersionOf,
  type KubeObject,
  type StatusError,
  type StoredObject,
  type WatchEvent,
  type WatchEventType,
} from 'orlop/plugin';
import type { Form } from '../http/accept.ts';
import { partialMetadata, toTable } from '../printing/table.ts';
import type { ResourceRow } from '../resources/types.ts';
import { fromStorage, isStoredForm } from './present.ts';

type Include = 'None' | 'Metadata' | 'Object';

/** Makes the frames of one watch: a line of JSON per event. */
export interface FrameMaker {
  event(event: WatchEvent): Uint8Array;
  bookmark(revision: number, isEndOfInitialEvents: boolean): Uint8Array;
  error(error: StatusError): Uint8Array;
}

type Change = Exclude<WatchEventType, 'BOOKMARK'>;

/** The store gives one event to all its watchers before the next: the last frame of each type is what they share. */
const last: Partial<Record<Change, { object: StoredObject; frame: Buffer }>> = {};

function sharedFrame(type: Change, object: StoredObject): Buffer {
  const known = last[type];
  if (known?.object === object) return known.frame;
  const start = `{"type":"${type}","object":`;
  const end = '}\n';
  const frame = Buffer.allocUnsafe(start.length + object.byteLength + end.length);
  frame.write(end, object.copy(frame, frame.write(start)));
  last[type] = { object, frame };
  return frame;
}

export function frameMaker(row: ResourceRow, form: Form, include: Include): FrameMaker {
  const present = presenter(row, form, include);
  const isPlain = form === 'Object' && isStoredForm(row);
  return {
    event({ type, object }) {
      if (isPlain && type !== 'BOOKMARK') return sharedFrame(type, object!);
      return frame(type, present(fromStorage(row, object!.value)));
    },
    bookmark(revision, isEnd) {
      const object: KubeObject = {
        kind: row.kind,
        apiVersion: apiVersionOf(row),
        metadata: {
          resourceVersion: String(revision),
          ...(isEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
        },
      };
      return frame(
        'BOOKMARK',
        form === 'Table'
          ? { ...toTable(row, [], {}), metadata: object.metadata }
          : form === 'Object'
            ? object
            : partialMetadata(object),
      );
    },
    error: (error) => frame('ERROR', error.toStatus()),
  };
}

function presenter(row: ResourceRow, form: Form, include: Include): (value: KubeObject) => object {
  if (form === 'Object') return (value) => value;
  if (form !== 'Table') return partialMetadata;
  let headers = true;
  return (value) => {
    const metadata = { resourceVersion: value.metadata?.resourceVersion ?? '' };
    const table = toTable(row, [value], { includeObject: include, metadata, headers });
    headers = false;
    return table;
  };
}

function frame(type: string, object: object): Buffer {
  return Buffer.from(`${JSON.stringify({ type, object })}\n`);
}
