import type { KubeObject } from 'orlop/plugin';
import type { Schema } from '../schemas/types.ts';
import { FieldSet } from './fieldset.ts';
import { compare, fieldsOf } from './typed.ts';

/** Where `kubectl apply` without `--server-side` keeps what it applied. */
const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
const MOST_BYTES = 256 * 1024;

/** Only kubectl's own manager goes on with what kubectl applied on the client. */
const KUBECTL = 'kubectl';

/**
 * What was applied on the client and is still as it was: kubectl's server-side apply may take it over without a conflict. Source:
 * apimachinery `managedfields/internal/lastappliedmanager.go`.
 */
export function takenOver(live: KubeObject, manager: string, schema: Schema | undefined): FieldSet {
  const text = live.metadata?.annotations?.[ANNOTATION];
  if (manager !== KUBECTL || text === undefined) return new FieldSet();
  let applied: unknown;
  try {
    applied = JSON.parse(text);
  } catch {
    // Somebody else wrote the annotation: it says nothing.
    return new FieldSet();
  }
  const { added, modified, removed } = compare(applied, live, schema);
  return fieldsOf(applied, schema).difference(modified).difference(added).difference(removed);
}

/** Keeps the annotation true, so that applying on the client goes on to work. Source: `lastappliedupdater.go`. */
export function updateLastApplied(next: KubeObject, config: KubeObject, manager: string): void {
  const annotations = next.metadata?.annotations;
  if (manager !== KUBECTL || annotations?.[ANNOTATION] === undefined) return;
  const applied = structuredClone(config);
  delete applied.metadata?.managedFields;
  delete applied.metadata?.annotations?.[ANNOTATION];
  const text = `${JSON.stringify(applied)}\n`;
  if (Buffer.byteLength(text) > MOST_BYTES) return;
  next.metadata = { ...next.metadata, annotations: { ...annotations, [ANNOTATION]: text } };
}
