import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Logger, StatusError } from '../contract/index.ts';
import type { Credentials } from './config.ts';
import { freePorts } from './probe.ts';
import { Supervisor } from './supervisor.ts';

/** How many embedded servers, and copies of each stream. */
export type Replicas = 1 | 3;

const HOST = '127.0.0.1';

/**
 * How many servers run from a folder: as many as did before. Throws `Conflict` when others were asked for: JetStream cannot make a cluster
 * of a server that stood alone, and would remove its streams.
 */
export function replicasOf(folder: string, asked: Replicas | undefined): Replicas {
  const before = existsSync(join(folder, '1/store')) ? 3 : existsSync(join(folder, 'store')) ? 1 : undefined;
  if (before === undefined || asked === undefined || asked === before) return asked ?? before ?? 1;
  throw new StatusError(
    'Conflict',
    `the data in ${folder} is that of ${before === 1 ? 'one NATS server' : 'three NATS servers'}, which cannot become ${asked}: ` +
      `start it with --replicas ${before}, or choose another folder with --data`,
  );
}

/** Starts one server in `folder`, or three that are one JetStream cluster in its subfolders 1, 2 and 3. */
export async function startServers(o: {
  binary: string;
  folder: string;
  replicas: Replicas;
  credentials: Credentials;
  log: Logger;
}): Promise<Supervisor[]> {
  const { binary, folder, log } = o;
  for (let attempt = 1; ; attempt++) {
    const routes = o.replicas === 1 ? [] : await freePorts(HOST, o.replicas);
    const servers =
      o.replicas === 1
        ? [new Supervisor({ binary, folder, log })]
        : routes.map((port, i) => {
            const own = join(folder, String(i + 1));
            mkdirSync(own, { recursive: true, mode: 0o700 });
            return new Supervisor({
              binary,
              folder: own,
              log,
              place: { name: `orlop-${i + 1}`, port, routes },
            });
          });
    const started = await Promise.allSettled(servers.map((server) => server.start(o.credentials)));
    const failed = started.find((result) => result.status === 'rejected');
    if (!failed) return servers;
    await Promise.all(servers.map((server) => server.stop()));
    // Somebody may take a free port before the server does; alone, it has tried others already.
    if (o.replicas === 1 || attempt === 3) throw failed.reason;
  }
}
