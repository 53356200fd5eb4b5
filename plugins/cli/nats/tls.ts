import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { writePrivate } from 'orlop/plugin';
import { certificateAuthority } from '../../ca/ca.ts';

const DAY = 24 * 3_600_000;
const LIFE_DAYS = 365;
const RENEW_DAYS = LIFE_DAYS / 3;

/** In every certificate of a NATS server of Orlop. Its CA signs nothing else, so that this says which server it is wherever it is reached. */
export const SERVER_NAME = 'localhost';

export interface ServerTls {
  /** Certificate, CA and key in one PEM file, so that they change together. */
  file: string;
  /** PEM. */
  ca: string;
  /** Of the CA: what a node that joins knows it by. */
  pin: string;
  /** Makes another certificate when this one expires soon or lacks one of the names. Resolves with whether it did. */
  renew: (names: readonly string[]) => Promise<boolean>;
}

/** The embedded NATS server's own CA and certificate, in `nats/tls` of the data folder; made when they are not there. */
export async function serverTls(data: string, names: readonly string[]): Promise<ServerTls> {
  const folder = join(data, 'nats/tls');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const authority = await certificateAuthority(folder);
  const file = join(folder, 'server.pem');
  const ca = new X509Certificate(authority.certificate);
  const renew: ServerTls['renew'] = async (wanted) => {
    if (existsSync(file) && serves(readFileSync(file, 'utf8'), ca, wanted)) return false;
    const { certificate, key } = await authority.issue({
      usage: 'server',
      commonName: 'orlop-nats',
      hosts: [...wanted],
      days: LIFE_DAYS,
    });
    writePrivate(file, certificate + authority.certificate + key);
    return true;
  };
  await renew(names);
  return { file, ca: authority.certificate, pin: pinOf(ca), renew };
}

/** `sha256:` and the hash of the public key, as for `kubeadm join`: a CA made anew of the same key keeps it. */
export function pinOf(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/** Whether the certificate, the first of the file, can go on being used. */
function serves(pem: string, ca: X509Certificate, names: readonly string[]): boolean {
  try {
    const certificate = new X509Certificate(pem);
    return (
      certificate.verify(ca.publicKey) &&
      Date.parse(certificate.validTo) - Date.now() > RENEW_DAYS * DAY &&
      names.every((name) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)))
    );
  } catch {
    return false;
  }
}
