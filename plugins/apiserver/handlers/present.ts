import { apiVersionOf, type KubeObject, type StoredObject } from 'orlop/plugin';
import { acceptedForm, type Form } from '../http/accept.ts';
import { invalidOptions } from '../http/options.ts';
import { partialMetadata, toTable } from '../printing/table.ts';
import { invalid } from '../resources/errors.ts';
import type { ResourceRow } from '../resources/types.ts';
import type { Call } from './call.ts';

/** Whether stored bytes can be sent unchanged as objects of this row. */
export function isStoredForm({ storage, group, version }: ResourceRow): boolean {
  return storage.group === group && storage.version === version;
}

/** In the version the row serves; the stored value itself where that is the same. Not to be changed. */
export function fromStorage(row: ResourceRow, value: KubeObject): KubeObject {
  if (isStoredForm(row)) return value;
  const copy = structuredClone(value);
  copy.apiVersion = apiVersionOf(row);
  copy.kind = row.kind;
  row.conversion?.fromStorage(copy);
  return copy;
}

/** As `fromStorage`, but a copy that may be changed. */
export function copyFromStorage(row: ResourceRow, { bytes }: StoredObject): KubeObject {
  const { buffer, byteOffset, byteLength } = bytes;
  return fromStorage(row, JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString()) as KubeObject);
}

/** In the version the store keeps; changes `object`. */
export function toStorage(row: ResourceRow, object: KubeObject): KubeObject {
  if (isStoredForm(row)) return object;
  row.conversion?.toStorage(object);
  object.apiVersion = apiVersionOf(row.storage);
  object.kind = row.storage.kind;
  return object;
}

export function isStored(result: StoredObject | KubeObject): result is StoredObject {
  return 'bytes' in result && 'revision' in result;
}

/** Answers with one object, in the form the client accepts. */
export function sendObject(call: Call, code: number, result: StoredObject | KubeObject): Promise<void> {
  const { exchange, row } = call;
  const form = acceptedForm(exchange.header('accept'));
  if (form === 'Object' && isStored(result)) {
    const body = isStoredForm(row) ? result.bytes : JSON.stringify(fromStorage(row, result.value));
    return exchange.bytes(code, body);
  }
  const value = fromStorage(row, isStored(result) ? result.value : result);
  return exchange.json(code, formed(call, form, value));
}

function formed({ exchange, row }: Call, form: Form, value: KubeObject): object {
  switch (form) {
    case 'Table':
      return toTable(row, [value], {
        includeObject: includeObject(exchange.query),
        metadata: { resourceVersion: value.metadata?.resourceVersion ?? '' },
      });
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList':
      return partialMetadata(value);
    default:
      return value;
  }
}

/** Throws Invalid. */
export function includeObject(query: URLSearchParams): 'None' | 'Metadata' | 'Object' {
  const value = query.get('includeObject') || 'Metadata';
  if (value === 'None' || value === 'Object' || value === 'Metadata') return value;
  throw invalidOptions(
    'TableOptions',
    invalid('includeObject', value, "must be 'Metadata', 'Object', 'None', or empty"),
  );
}
