import { UsageError, type Values } from '../command.ts';
import { type Embedded, embeddedNats } from './embedded.ts';
import { type External, externalNats } from './external.ts';

/** Either, or neither: an embedded server on loopback. */
export interface NatsFlags {
  embedded?: Embedded;
  external?: External;
}

/** What `--nats`, `--nats-ca` and `--nats-listen` say. Throws `UsageError` for what does not go together. */
export async function natsFlags(values: Values, data: string): Promise<NatsFlags> {
  const [url, listen, ca] = ['nats', 'nats-listen', 'nats-ca'].map(
    (flag) => values[flag] as string | undefined,
  );
  if (url !== undefined && listen !== undefined)
    throw new UsageError('--nats-listen is for the embedded NATS server, which --nats replaces: use one.');
  if (url === undefined && ca !== undefined) throw new UsageError('--nats-ca is for a server of --nats.');
  if (url !== undefined) return { external: await externalNats(url, ca) };
  return listen === undefined ? {} : { embedded: await embeddedNats(listen, data) };
}
