import type { webcrypto } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import { type SigningRequest, StatusError } from 'orlop/plugin';

const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/** What a certificate is signed with besides the request. */
export interface Issuer {
  certificate: X509.X509Certificate;
  key: webcrypto.CryptoKey;
  algorithm: { name: string; hash: string };
  serialNumber: string;
  notBefore: Date;
}

/** Signs what was asked for: the request's subject, key and alternative names, the given usages and time. Throws Invalid. */
export async function sign(
  x509: typeof X509,
  crypto: webcrypto.Crypto,
  { request, usages, expirationSeconds }: SigningRequest,
  issuer: Issuer,
): Promise<string> {
  const asked = await read(x509, crypto, request);
  const names = asked.extensions.find(({ type }) => type === SUBJECT_ALTERNATIVE_NAME);
  const wanted = Date.now() + expirationSeconds * 1000;
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: issuer.serialNumber,
      subject: asked.subjectName,
      issuer: issuer.certificate.subject,
      notBefore: issuer.notBefore,
      // Nothing is trusted for longer than who signed it.
      notAfter: new Date(Math.min(wanted, issuer.certificate.notAfter.getTime())),
      signingAlgorithm: issuer.algorithm,
      publicKey: asked.publicKey,
      signingKey: issuer.key as never,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        ...usageExtensions(x509, usages),
        await x509.AuthorityKeyIdentifierExtension.create(
          issuer.certificate.publicKey,
          false,
          crypto as never,
        ),
        ...(names ? [names] : []),
      ],
    },
    crypto as never,
  );
  return `${certificate.toString('pem')}\n`;
}

async function read(
  x509: typeof X509,
  crypto: webcrypto.Crypto,
  pem: string,
): Promise<X509.Pkcs10CertificateRequest> {
  try {
    const asked = new x509.Pkcs10CertificateRequest(pem);
    if (await asked.verify(crypto as never)) return asked;
  } catch (error) {
    throw new StatusError('Invalid', `the certificate request cannot be read: ${(error as Error).message}`);
  }
  throw new StatusError('Invalid', 'the certificate request is not signed by the key it is for');
}

/** By the names of Kubernetes' `KeyUsage`. Nothing here makes a CA. */
function usageExtensions(x509: typeof X509, usages: readonly string[]): X509.Extension[] {
  const { KeyUsageFlags, ExtendedKeyUsage } = x509;
  const plain: Record<string, number> = {
    'digital signature': KeyUsageFlags.digitalSignature,
    signing: KeyUsageFlags.digitalSignature,
    'key encipherment': KeyUsageFlags.keyEncipherment,
    'key agreement': KeyUsageFlags.keyAgreement,
    'data encipherment': KeyUsageFlags.dataEncipherment,
  };
  const extended: Record<string, string> = {
    'client auth': ExtendedKeyUsage.clientAuth,
    'server auth': ExtendedKeyUsage.serverAuth,
  };
  const unknown = usages.find((usage) => !(usage in plain) && !(usage in extended));
  if (unknown !== undefined)
    throw new StatusError('Invalid', `no certificate is issued for the usage "${unknown}"`);
  const flags = usages.reduce((all, usage) => all | (plain[usage] ?? 0), 0);
  const purposes = usages.flatMap((usage) => extended[usage] ?? []);
  return [
    ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
    ...(purposes.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(purposes)]),
  ];
}
