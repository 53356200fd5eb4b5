import { apiVersionOf, type KubeObject } from 'orlop/plugin';
import { acceptedForm } from '../http/accept.ts';
import { partialMetadata, toTable } from '../printing/table.ts';
import type { Call } from './call.ts';
import { includeObject } from './present.ts';

/** Answers with a list of objects that are made for the answer and kept nowhere. */
export async function sendMade({ exchange, row }: Call, items: KubeObject[]): Promise<void> {
  const form = acceptedForm(exchange.header('accept'));
  if (form === 'Table') {
    return exchange.json(200, toTable(row, items, { includeObject: includeObject(exchange.query) }));
  }
  const list = { kind: `${row.kind}List`, apiVersion: apiVersionOf(row), metadata: {}, items };
  if (form === 'Object') return exchange.json(200, list);
  const partial = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' };
  await exchange.json(200, { ...list, ...partial, items: items.map(partialMetadata) });
}
