import { writeOptions } from '../http/options.ts';
import type { Call } from './call.ts';
import { decodeBody } from './decode.ts';
import { sendObject } from './present.ts';
import { createObject } from './write.ts';

/** POST to a collection. */
export async function createFromBody(call: Call): Promise<void> {
  const { exchange, row } = call;
  const options = writeOptions(exchange.query, exchange.header('user-agent'), 'CreateOptions');
  const object = await decodeBody(call, row, options.fieldValidation);
  await sendObject(call, 201, await createObject(call, object, options));
}
