import type { Namespace } from 'orlop/plugin';
import { notFound } from 'orlop/plugin';
import { writeOptions } from '../http/options.ts';
import { type Call, keyOfPath } from './call.ts';
import { decodeBody } from './decode.ts';
import { sendObject } from './present.ts';

/** PUT of a Namespace's `/finalize`: sets `spec.finalizers`; without any, a namespace that is being deleted goes. */
export async function finalizeNamespace(call: Call): Promise<void> {
  const { api, exchange, row } = call;
  const options = writeOptions(exchange.query, exchange.header('user-agent'));
  const wanted = (await decodeBody(call, row, options.fieldValidation)) as Namespace;
  const key = keyOfPath(call);
  const old = await api.objects.get(row.storage, key);
  if (!old) throw notFound(row, key.name);
  const next = structuredClone(old.value) as Namespace;
  next.spec = { ...next.spec, finalizers: wanted.spec?.finalizers ?? [] };
  if (wanted.metadata?.resourceVersion)
    next.metadata = { ...next.metadata, resourceVersion: wanted.metadata.resourceVersion };
  await sendObject(call, 200, options.dryRun ? next : await api.objects.update(row.storage, next));
}
