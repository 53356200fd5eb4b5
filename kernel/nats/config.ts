import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Credentials {
  user: string;
  pass: string;
}

/** The largest message, in bytes: an object with its headers, or a chunk of a stream. */
export const MAX_PAYLOAD = 8 * 1024 * 1024;

/** The user and password of the embedded server, kept in the data folder, readable by its owner only; made anew when a power cut left none. */
export function loadCredentials(folder: string): Credentials {
  const path = join(folder, 'credentials.json');
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Credentials;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const credentials = { user: 'orlop', pass: randomBytes(24).toString('base64url') };
  writeFileSync(path, JSON.stringify(credentials), { mode: 0o600, flush: true });
  return credentials;
}

/** A server's place among the embedded ones: they reach each other at these ports, one of which is its own. */
export interface Place {
  name: string;
  port: number;
  routes: readonly number[];
}

/** Where the server of a folder keeps its streams. */
export function storeDir(folder: string): string {
  return join(folder, 'store');
}

/** Writes the configuration of an embedded server and returns its path. */
export function writeConfig(o: {
  folder: string;
  host: string;
  port: number;
  monitorPort: number;
  credentials: Credentials;
  place?: Place | undefined;
}): string {
  const path = join(o.folder, 'nats-server.conf');
  const { user, pass } = o.credentials;
  const authorization = `authorization { user: ${JSON.stringify(user)}, password: ${JSON.stringify(pass)} }`;
  const text = `# Made by Orlop at each start.
server_name: ${o.place?.name ?? 'orlop'}
listen: "${o.host}:${o.port}"
http: "${o.host}:${o.monitorPort}"
max_payload: ${MAX_PAYLOAD}
max_pending: 256MB
write_deadline: "10s"
lame_duck_grace_period: "1s"
${authorization}
jetstream { store_dir: ${JSON.stringify(storeDir(o.folder))}, sync_interval: always, max_mem: 256MB, max_file: 1TB }
${cluster(o.host, o.place, o.credentials, authorization)}`;
  writeFileSync(path, text, { mode: 0o600 });
  chmodSync(path, 0o600);
  return path;
}

function cluster(host: string, place: Place | undefined, { user, pass }: Credentials, auth: string): string {
  if (!place) return '';
  const routes = place.routes.map((port) => JSON.stringify(`nats://${user}:${pass}@${host}:${port}`));
  return `cluster { name: orlop, listen: "${host}:${place.port}", ${auth}, routes: [${routes.join(', ')}] }\n`;
}
