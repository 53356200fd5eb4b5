import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { StatusError } from 'orlop/plugin';
import { LOOPBACK } from './config.ts';
import { freePorts } from './probe.ts';
import { Supervisor, type SupervisorOptions } from './supervisor.ts';

/** How many embedded servers, and copies of each stream. */
export type Replicas = 1 | 3;

/**
 * How many servers run from a folder: as many as did before. Throws `Conflict` when others were asked for: JetStream cannot make a cluster
 * of a server that stood alone, and would remove its streams.
 */
export function replicasOf(folder: string, asked: Replicas | undefined): Replicas {
  const before = existsSync(join(folder, '1/store')) ? 3 : existsSync(join(folder, 'store')) ? 1 : undefined;
  if (before === undefined || asked === undefined || asked === before) return asked ?? before ?? 1;
  const text =
    `the data in ${folder} is that of ${before === 1 ? 'one NATS server' : 'three NATS servers'}, which cannot become ${asked}: ` +
    `start it with --replicas ${before}, or choose another folder with --data`;
  throw new StatusError('Conflict', text);
}

/** Starts one server in `folder`, or three that are one JetStream cluster in its subfolders 1, 2 and 3, with client ports in a row. */
export async function startServers(o: SupervisorOptions, replicas: Replicas): Promise<Supervisor[]> {
  for (let attempt = 1; ; attempt++) {
    const routes = replicas === 1 ? [] : await freePorts(LOOPBACK, replicas);
    const clustered = routes.map((port, i): SupervisorOptions => {
      const folder = join(o.folder, String(i + 1));
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const listen = { ...o.listen, port: o.listen.port && o.listen.port + i };
      return { ...o, folder, listen, place: { name: `orlop-${i + 1}`, port, routes } };
    });
    const servers = (replicas === 1 ? [o] : clustered).map((each) => new Supervisor(each));
    const started = await Promise.allSettled(servers.map((server) => server.start()));
    const failed = started.find((result) => result.status === 'rejected');
    if (!failed) return servers;
    await Promise.all(servers.map((server) => server.stop()));
    // Somebody may take a free port before the server does; alone, it has tried others already.
    if (replicas === 1 || attempt === 3) throw failed.reason;
  }
}
