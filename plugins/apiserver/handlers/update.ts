import { conflict, isStatus, notFound, StatusError } from 'orlop/plugin';
import { writeOptions } from '../http/options.ts';
import { type Call, keyOfPath } from './call.ts';
import { decodeBody } from './decode.ts';
import { sendObject } from './present.ts';
import { createObject, updateObject } from './write.ts';

/** How often a write without a precondition is tried again when it lost a race. Source: etcd3 store `GuaranteedUpdate`. */
export const ATTEMPTS = 10;

/** PUT of an object or of its status. */
export async function updateFromBody(call: Call): Promise<void> {
  const { api, exchange, row, path } = call;
  const options = {
    ...writeOptions(exchange.query, exchange.header('user-agent')),
    subresource: path.subresource ?? '',
  };
  const body = await decodeBody(call, row, options.fieldValidation);
  const key = keyOfPath(call);
  if (body.metadata?.name === undefined || body.metadata.name === '') {
    throw new StatusError(
      'BadRequest',
      `the name of the object must be set: ${row.kind} has no metadata.name`,
    );
  }
  const precondition = body.metadata.resourceVersion;
  for (let attempt = 1; ; attempt += 1) {
    const old = await api.objects.get(row.storage, key);
    if (!old) {
      if (!row.strategy.allowCreateOnUpdate || options.subresource !== '') throw notFound(row, key.name);
      if (precondition) throw conflict(row, key.name);
      return sendObject(call, 201, await createObject(call, body, options));
    }
    try {
      return await sendObject(call, 200, await updateObject(call, old, structuredClone(body), options));
    } catch (error) {
      if (precondition || attempt === ATTEMPTS || !isStatus(error, 'Conflict')) throw error;
    }
  }
}
