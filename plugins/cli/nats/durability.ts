import type { Connection } from '../../../kernel/nats/index.ts';
import { connectTo } from '../../../kernel/nats/index.ts';
import { STREAMS } from '../../../kernel/store/subjects.ts';

/** Of a stream's configuration, what it matters for. */
export interface StreamSettings {
  name: string;
  storage: string;
  num_replicas: number;
  max_msgs_per_subject: number;
  persist_mode?: string;
}

/** What an external NATS server says of itself. */
export interface ServerSettings {
  version: string;
  max_payload: number;
  /** Its cluster's name; absent: it stands alone. */
  cluster?: string | undefined;
}

const MIB = 1024 * 1024;
const ASK_MS = 5_000;

/** Which settings of an external NATS server may lose what was acknowledged, and what to do about each. */
export async function notDurable(connection: Connection): Promise<string[]> {
  const nats = await connectTo(connection, 'orlop settings');
  try {
    const streams = await Promise.all(
      STREAMS.map(async ({ name }) => {
        const answer = await nats.request(`$JS.API.STREAM.INFO.${name}`, '', { timeout: ASK_MS });
        return answer.json<{ config?: StreamSettings }>().config ?? [];
      }),
    );
    return warnings(nats.info as ServerSettings, streams.flat());
  } finally {
    await nats.close();
  }
}

/** See `notDurable`. */
export function warnings(server: ServerSettings, streams: readonly StreamSettings[]): string[] {
  const found: string[] = [];
  if (server.max_payload < 2 * MIB)
    found.push(`max_payload is ${server.max_payload} bytes: larger objects are refused. Set it to 8MB`);
  for (const stream of streams) {
    const { name, storage, num_replicas: copies, max_msgs_per_subject: history } = stream;
    const designed = STREAMS.find((each) => each.name === name)?.history;
    if (storage !== 'file')
      found.push(
        `stream ${name} is kept in ${storage}: all of it is lost when the server ends. Back it up and make it anew with storage "file"`,
      );
    if (stream.persist_mode === 'async')
      found.push(
        `stream ${name} has persist_mode async: acknowledged writes are lost when the server crashes. Make it anew without`,
      );
    if (server.cluster !== undefined && copies < 3)
      found.push(
        `stream ${name} has ${copies} ${copies === 1 ? 'copy' : 'copies'} in the cluster ${server.cluster}: it stops, or is lost, with one server. Start with --replicas 3`,
      );
    if (designed !== undefined && history !== designed)
      found.push(
        `stream ${name} keeps ${history === -1 ? 'all' : history} revisions of each object instead of ${designed}: set max_msgs_per_subject to ${designed}`,
      );
  }
  // No NATS server tells its clients.
  found.push(
    `whether nats-server ${server.version} has "sync_interval: always" cannot be seen: without it a power cut loses the last seconds`,
  );
  return found;
}
