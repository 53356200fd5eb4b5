import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivate } from 'orlop/plugin';

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
  writePrivate(path, JSON.stringify(credentials));
  return credentials;
}

/** A server's place among the embedded ones: they reach each other at these ports, one of which is its own. */
export interface Place {
  name: string;
  port: number;
  routes: readonly number[];
}

/** Where clients reach a server. */
export interface Listen {
  /** An address or a name of this machine, or `0.0.0.0` or `::` for all of its addresses. */
  host: string;
  /** 0: a free one at each start. */
  port: number;
  /** A PEM file with certificate and key, read again at SIGHUP: clients must use TLS. */
  tls?: string | undefined;
}

/** The servers' ways to each other, to their monitoring, and by default to their clients. */
export const LOOPBACK = '127.0.0.1';

/** Where the server of a folder keeps its streams. */
export function storeDir(folder: string): string {
  return join(folder, 'store');
}

export interface ServerOptions {
  /** Of its own. */
  folder: string;
  credentials: Credentials;
  listen: Listen;
  place?: Place | undefined;
}

/** Writes the configuration of an embedded server and returns its path. */
export function writeConfig(
  { folder, place, listen, credentials }: ServerOptions,
  port: number,
  monitorPort: number,
): string {
  const path = join(folder, 'nats-server.conf');
  const { user, pass } = credentials;
  const pem = JSON.stringify(listen.tls);
  const login = `{ user: ${JSON.stringify(user)}, password: ${JSON.stringify(pass)} }`;
  // One user that is no list would be cut off by a reload.
  const text = `# Made by Orlop at each start.
server_name: ${place?.name ?? 'orlop'}
host: ${JSON.stringify(listen.host)}
port: ${port}
http: "${LOOPBACK}:${monitorPort}"
max_payload: ${MAX_PAYLOAD}
max_pending: 256MB
write_deadline: "10s"
lame_duck_grace_period: "1s"
authorization { users: [${login}] }${pem ? `\ntls { cert_file: ${pem}, key_file: ${pem} }` : ''}
jetstream { store_dir: ${JSON.stringify(storeDir(folder))}, sync_interval: always, max_mem: 256MB, max_file: 1TB }
${place ? cluster(place, credentials, `authorization ${login}`) : ''}`;
  writeFileSync(path, text, { mode: 0o600 });
  chmodSync(path, 0o600);
  return path;
}

function cluster(place: Place, { user, pass }: Credentials, auth: string): string {
  const routes = place.routes.map((port) => JSON.stringify(`nats://${user}:${pass}@${LOOPBACK}:${port}`));
  return `cluster { name: orlop, listen: "${LOOPBACK}:${place.port}", no_advertise: true, ${auth}, routes: [${routes.join(', ')}] }\n`;
}
