import { notFound } from 'orlop/plugin';
import { resourceVersion } from '../http/options.ts';
import { type Call, keyOfPath } from './call.ts';
import { sendObject } from './present.ts';

/** GET of one object. */
export async function getObject(call: Call): Promise<void> {
  const { api, exchange, row } = call;
  const key = keyOfPath(call);
  const revision = resourceVersion(exchange.query.get('resourceVersion'));
  const stored = await api.objects.get(row.storage, key, { revision });
  if (!stored) throw notFound(row, key.name);
  await sendObject(call, 200, stored);
}
