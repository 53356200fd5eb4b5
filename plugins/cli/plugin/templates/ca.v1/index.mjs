// What x509 needs to be there first.
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { CertificateAuthority, definePlugin, provide, StatusError, writePrivate } from 'orlop/plugin';

/** @typedef {{ certificate: string, key: string }} Pair PEM. */

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY = 24 * 3_600_000;
const CA_DAYS = 3_650;
/** Milliseconds that other machines' clocks may be behind. */
const SKEW = 5 * 60_000;
const { KeyUsageFlags, ExtendedKeyUsage } = x509;
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/** What Kubernetes' names for usages are in a certificate. Nothing here makes a CA. */
const PLAIN = new Map([
  ['digital signature', KeyUsageFlags.digitalSignature],
  ['key encipherment', KeyUsageFlags.keyEncipherment],
]);
const EXTENDED = new Map([
  ['client auth', ExtendedKeyUsage.clientAuth],
  ['server auth', ExtendedKeyUsage.serverAuth],
]);

/** A CA of its own. @returns {Promise<Pair>} */
export async function newAuthority() {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=orlop-ca-${randomBytes(3).toString('hex')}`,
    ...validFor(CA_DAYS * DAY),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pair(certificate, keys.privateKey);
}

/** @param {Pair} pair @returns {Promise<CertificateAuthority>} */
export async function authority({ certificate, key }) {
  const issuer = new x509.X509Certificate(certificate);
  const pkcs8 = x509.PemConverter.decodeFirst(key);
  const signingKey = await crypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']);

  /** @param {x509.Name} subject @param {x509.PublicKeyType} publicKey @param {number} ms @param {x509.Extension[]} extensions */
  const certify = async (subject, publicKey, ms, extensions) =>
    await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: subject.toString(),
      issuer: issuer.subject,
      // Nothing is trusted for longer than who signed it.
      ...validFor(Math.min(ms, issuer.notAfter.getTime() - Date.now())),
      signingAlgorithm: ALGORITHM,
      publicKey,
      signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
        ...extensions,
      ],
    });

  return {
    certificate,

    async issue({ commonName, organizations = [], usage, hosts = [], days = 365 }) {
      const keys = await newKeys();
      const subject = new x509.Name([...organizations.map((name) => ({ O: [name] })), { CN: [commonName] }]);
      const names = hosts.map((host) => new x509.GeneralName(isIP(host) ? 'ip' : 'dns', host));
      const issued = await certify(subject, keys.publicKey, days * DAY, [
        ...extensionsFor(['digital signature', `${usage} auth`]),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ]);
      return await pair(issued, keys.privateKey);
    },

    async sign({ request, usages, expirationSeconds }) {
      const asked = await read(request);
      const names = asked.extensions.filter(({ type }) => type === SUBJECT_ALTERNATIVE_NAME);
      const extensions = [...extensionsFor(usages), ...names];
      const signed = await certify(asked.subjectName, asked.publicKey, expirationSeconds * 1_000, extensions);
      return `${signed.toString('pem')}\n`;
    },
  };
}

/** @param {string} pem */
async function read(pem) {
  /** @type {unknown} */
  let cause;
  try {
    const request = new x509.Pkcs10CertificateRequest(pem);
    if (await request.verify()) return request;
  } catch (error) {
    cause = error;
  }
  const why = cause instanceof Error ? `cannot be read: ${cause.message}` : 'is not signed by its own key';
  throw new StatusError('Invalid', `the certificate request ${why}`, {}, { cause });
}

/** @param {readonly string[]} usages */
function extensionsFor(usages) {
  const unknown = usages.find((usage) => !PLAIN.has(usage) && !EXTENDED.has(usage));
  if (unknown !== undefined)
    throw new StatusError('Invalid', `no certificate is issued for the usage "${unknown}"`);
  const flags = usages.reduce((all, usage) => all | (PLAIN.get(usage) ?? 0), 0);
  const purposes = usages.flatMap((usage) => EXTENDED.get(usage) ?? []);
  return [
    ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
    ...(purposes.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(purposes)]),
  ];
}

async function newKeys() {
  return await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** @param {x509.X509Certificate} certificate @param {CryptoKey} key @returns {Promise<Pair>} */
async function pair(certificate, key) {
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', key);
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`,
  };
}

/** @param {number} ms */
function validFor(ms) {
  return { notBefore: new Date(Date.now() - SKEW), notAfter: new Date(Date.now() + ms) };
}

/** Positive, and of 20 bytes at most (RFC 5280, 4.1.2.2). */
function serial() {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** The pair in a folder, made when there is none. @param {string} folder */
async function kept(folder) {
  const [certificate, key] = [join(folder, 'ca.crt'), join(folder, 'ca.key')];
  if (existsSync(certificate) !== existsSync(key))
    throw new StatusError(
      'InternalError',
      `half of the CA in ${folder} is missing: restore it from a backup`,
    );
  if (!existsSync(key)) {
    const made = await newAuthority();
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writePrivate(key, made.key);
    writePrivate(certificate, made.certificate);
  }
  return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
}

export default definePlugin({
  name: 'my-plugin',
  kind: 'ca.v1',
  version: '0.1.0',
  description: "Keeps the cluster's certificate authority and issues its certificates.",
  provides: [CertificateAuthority],
  grants: { host: ['files'] },
  async start({ dataDir }) {
    // The files of the standard CA: a cluster keeps the one it has, and has it still when this plugin is deleted.
    const pair = await kept(join(dirname(dataDir), 'ca'));
    return { provides: [provide(CertificateAuthority, await authority(pair))] };
  },
});
