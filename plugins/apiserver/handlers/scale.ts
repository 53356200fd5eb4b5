import { apiVersionOf, type KubeObject, notFound, StatusError, type StoredObject } from 'orlop/plugin';
import { mediaType } from '../http/body.ts';
import { writeOptions } from '../http/options.ts';
import { isObject, type JsonObject } from '../patch/shape.ts';
import { ageColumn, column, nameColumn } from '../resources/row.ts';
import type { Column, ResourceRow, ScalePaths } from '../resources/types.ts';
import { type Call, keyOfPath } from './call.ts';
import { decodeBody } from './decode.ts';
import { checkPatched, patchObject, readChange } from './patch.ts';
import { isStored, sendObject } from './present.ts';

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

interface Scale extends KubeObject {
  spec?: { replicas?: number };
  status?: { replicas: number; selector?: string };
}

/** GET, PUT and PATCH of `/scale`: an `autoscaling/v1` Scale made of the object's replica fields. */
export async function scaleObject(call: Call): Promise<void> {
  const { api, exchange, row } = call;
  const key = keyOfPath(call);
  if (exchange.method === 'GET' || exchange.method === 'HEAD') {
    const stored = await api.objects.get(row.storage, key);
    if (!stored) throw notFound(row, key.name);
    return sendScale(call, stored.value);
  }
  const options = writeOptions(exchange.query, exchange.header('user-agent'));
  const duplicates: string[] = [];
  const change = await readScale(call, options.fieldValidation, duplicates);
  const result = await patchObject(
    call,
    (object) => {
      const scale = change(toScale(call, object));
      checkPatched(call, SCALE, scale, options.fieldValidation, duplicates);
      const replicas = scale.spec?.replicas ?? 0;
      if (replicas < 0) {
        throw new StatusError(
          'Invalid',
          `Scale.autoscaling "${key.name}" is invalid: spec.replicas: Invalid value: ${replicas}: must be greater than or equal to 0`,
        );
      }
      const next = structuredClone(object);
      next.metadata = { ...next.metadata, resourceVersion: scale.metadata?.resourceVersion };
      setAt(next as JsonObject, pathsOf(call).specReplicasPath, replicas);
      return next;
    },
    options,
  );
  await sendScale(call, isStored(result) ? (result as StoredObject).value : result);
}

async function readScale(
  call: Call,
  validation: 'Ignore' | 'Warn' | 'Strict',
  duplicates: string[],
): Promise<(scale: Scale) => Scale> {
  if (call.exchange.method === 'PATCH')
    return (await readChange(call, SCALE, duplicates)) as (scale: Scale) => Scale;
  const scale: Scale = await decodeBody(call, SCALE, validation);
  if (mediaType(call.exchange.header('content-type')) === '' || !isObject(scale.spec)) {
    throw new StatusError('BadRequest', 'a Scale must have spec.replicas');
  }
  return () => structuredClone(scale);
}

/** As kubectl prints a scale. Source: kubernetes `printers/internalversion/printers.go`, scaleColumnDefinitions. */
const COLUMNS: readonly Column<Scale>[] = [
  nameColumn,
  column('Desired', ({ spec }) => spec?.replicas ?? 0, { type: 'integer' }),
  column('Available', ({ status }) => status?.replicas ?? 0, { type: 'integer' }),
  ageColumn,
];

function sendScale(call: Call, object: KubeObject): Promise<void> {
  const row = { ...call.row, storage: call.row, columns: COLUMNS as ResourceRow['columns'] };
  return sendObject({ ...call, row }, 200, toScale(call, object));
}

function pathsOf({ row }: Call): ScalePaths {
  if (!row.scale) throw new StatusError('NotFound', 'the server could not find the requested resource');
  return row.scale;
}

function toScale(call: Call, object: KubeObject): Scale {
  const paths = pathsOf(call);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {};
  const selector = paths.labelSelectorPath ? selectorText(getAt(object, paths.labelSelectorPath)) : undefined;
  return {
    kind: 'Scale',
    apiVersion: apiVersionOf(SCALE),
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: Number(getAt(object, paths.specReplicasPath) ?? 0) },
    status: {
      replicas: Number(getAt(object, paths.statusReplicasPath) ?? 0),
      ...(selector ? { selector } : {}),
    },
  };
}

function getAt(object: unknown, path: string): unknown {
  return path.split('.').reduce((at, key) => (isObject(at) ? at[key] : undefined), object);
}

function setAt(object: JsonObject, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop()!;
  let at = object;
  for (const key of keys) {
    if (!isObject(at[key])) at[key] = {};
    at = at[key] as JsonObject;
  }
  at[last] = value;
}

/** A LabelSelector in the one-line form that `labelSelector` takes. Source: apimachinery `FormatLabelSelector`. */
function selectorText(selector: unknown): string | undefined {
  if (typeof selector === 'string') return selector;
  if (!isObject(selector)) return undefined;
  const { matchLabels = {}, matchExpressions = [] } = selector as {
    matchLabels?: Record<string, string>;
    matchExpressions?: { key: string; operator: string; values?: string[] }[];
  };
  const terms = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values = [] } of matchExpressions) {
    if (operator === 'Exists') terms.push(key);
    else if (operator === 'DoesNotExist') terms.push(`!${key}`);
    else terms.push(`${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`);
  }
  return terms.join(',');
}
