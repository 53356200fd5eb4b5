import { randomBytes, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type * as X509 from '@peculiar/x509';
import { type CertificateAuthority, type CertificateRequest, StatusError, writePrivate } from 'orlop/plugin';
import { sign } from './sign.ts';

type CryptoKeyPair = webcrypto.CryptoKeyPair;
type CryptoKey = webcrypto.CryptoKey;

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY = 24 * 3_600_000;
const CA_DAYS = 3_650;
/** Certificates are valid from a little before now: other machines' clocks may be behind. */
const SKEW = 5 * 60_000;

/** The CA in `ca.crt` and `ca.key`, made at first start: ECDSA P-256, ten years. */
export async function certificateAuthority(folder: string): Promise<CertificateAuthority> {
  const files = { certificate: join(folder, 'ca.crt'), key: join(folder, 'ca.key') };
  const { certificate, key } = read(files) ?? (await make(files));
  let signer: Promise<CryptoKey> | undefined;
  return {
    certificate,
    async issue(request) {
      signer ??= importKey(key, files.key);
      return await issue(request, certificate, await signer);
    },
    async sign(request) {
      signer ??= importKey(key, files.key);
      const x509 = await library();
      return await sign(x509, webcrypto as webcrypto.Crypto, request, {
        certificate: new x509.X509Certificate(certificate),
        key: await signer,
        algorithm: ALGORITHM,
        serialNumber: serial(),
        notBefore: new Date(Date.now() - SKEW),
      });
    },
  };
}

function read(files: { certificate: string; key: string }): { certificate: string; key: string } | undefined {
  const certificate = readIfThere(files.certificate);
  const key = readIfThere(files.key);
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  const missing = certificate === undefined ? files.certificate : files.key;
  throw new StatusError(
    'InternalError',
    `half of a CA is missing: restore ${missing} from a backup, or remove the other half to make a new one (whoever trusts the old one, by a kubeconfig or --nats, then needs that anew)`,
  );
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function make(files: {
  certificate: string;
  key: string;
}): Promise<{ certificate: string; key: string }> {
  const x509 = await library();
  const keys = await generateKeys();
  const { KeyUsageFlags } = x509;
  const ca = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial(),
      name: new x509.Name([{ CN: [`orlop-ca-${randomBytes(3).toString('hex')}`] }]).toString(),
      notBefore: new Date(Date.now() - SKEW),
      notAfter: new Date(Date.now() + CA_DAYS * DAY),
      signingAlgorithm: ALGORITHM,
      keys: keys as X509.X509CertificateCreateSelfSignedParams['keys'],
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never, false, webcrypto as never),
      ],
    },
    webcrypto as never,
  );
  const made = { certificate: `${ca.toString('pem')}\n`, key: await exportKey(x509, keys.privateKey) };
  writePrivate(files.key, made.key);
  writePrivate(files.certificate, made.certificate);
  return made;
}

async function issue(
  request: CertificateRequest,
  ca: string,
  signer: CryptoKey,
): Promise<{ certificate: string; key: string }> {
  const x509 = await library();
  const { KeyUsageFlags, ExtendedKeyUsage } = x509;
  const issuer = new x509.X509Certificate(ca);
  const keys = await generateKeys();
  const names = (request.hosts ?? []).map((host) => new x509.GeneralName(isIP(host) ? 'ip' : 'dns', host));
  const extensions: X509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([ExtendedKeyUsage[`${request.usage}Auth`]]),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never, false, webcrypto as never),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto as never),
  ];
  if (names.length > 0) extensions.push(new x509.SubjectAlternativeNameExtension(names));
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial(),
      subject: new x509.Name([
        ...(request.organizations ?? []).map((name) => ({ O: [name] })),
        { CN: [request.commonName] },
      ]).toString(),
      issuer: issuer.subject,
      notBefore: new Date(Date.now() - SKEW),
      notAfter: new Date(Date.now() + (request.days ?? 365) * DAY),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey as never,
      signingKey: signer as never,
      extensions,
    },
    webcrypto as never,
  );
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(x509, keys.privateKey) };
}

/** Loaded when first needed: most starts need no certificate. */
async function library(): Promise<typeof X509> {
  // What x509's dependency injection needs to be there first.
  await import('reflect-metadata');
  return await import('@peculiar/x509');
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function exportKey(x509: typeof X509, key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

async function importKey(pem: string, file: string): Promise<CryptoKey> {
  try {
    const der = (await library()).PemConverter.decodeFirst(pem);
    return await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
  } catch (error) {
    throw new StatusError(
      'InternalError',
      `${file} is no private key: restore it from a backup`,
      {},
      { cause: error },
    );
  }
}

/** 20 bytes at most and positive (RFC 5280, 4.1.2.2). */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}
