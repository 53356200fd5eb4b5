import { webcrypto, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
// Before x509, which needs it.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { Ingress, Logger, Secret } from 'orlop/plugin';

const DAY_MS = 86_400_000;
const DEFAULT_NAME = 'orlop-ingress';

/** Chooses a certificate by the server name of a TLS handshake. */
export class Certificates {
  readonly #log: Logger;
  readonly #fallback: SecureContext;
  readonly #contexts = new Map<string, { version: string; context: SecureContext | undefined }>();
  #hosts = new Map<string, SecureContext>();

  constructor(log: Logger, fallback: { cert: string; key: string }) {
    this.#log = log;
    this.#fallback = createSecureContext(fallback);
  }

  /** `secrets` by `namespace/name`. A Secret that is missing or broken leaves its hosts with the default certificate. */
  update(ingresses: Iterable<Ingress>, secrets: ReadonlyMap<string, Secret>): void {
    const hosts = new Map<string, SecureContext>();
    for (const { metadata, spec } of ingresses) {
      for (const { hosts: names = [], secretName } of spec?.tls ?? []) {
        const key = `${metadata?.namespace}/${secretName}`;
        const secret = secrets.get(key);
        const context = secret && this.#context(key, secret);
        if (context) for (const name of names) hosts.set(name.toLowerCase(), context);
      }
    }
    for (const key of this.#contexts.keys()) if (!secrets.has(key)) this.#contexts.delete(key);
    this.#hosts = hosts;
  }

  find(serverName: string): SecureContext {
    const name = serverName.toLowerCase();
    const wildcard = `*${name.slice(Math.max(0, name.indexOf('.')))}`;
    return this.#hosts.get(name) ?? this.#hosts.get(wildcard) ?? this.#fallback;
  }

  #context(key: string, secret: Secret): SecureContext | undefined {
    const version = secret.metadata?.resourceVersion ?? '';
    const known = this.#contexts.get(key);
    if (known?.version === version) return known.context;
    let context: SecureContext | undefined;
    try {
      const text = (name: string): string => Buffer.from(secret.data?.[name] ?? '', 'base64').toString();
      const cert = text('tls.crt');
      if (!new X509Certificate(cert).validTo) throw new Error('tls.crt is empty');
      context = createSecureContext({ cert, key: text('tls.key') });
    } catch (error) {
      this.#log.warn(
        `Secret ${key} holds no certificate and key that work; its hosts get the default certificate`,
        {
          error: String(error),
        },
      );
    }
    this.#contexts.set(key, { version, context });
    return context;
  }
}

/** Signed by itself, made anew at each start: for hosts that have no certificate. */
export async function selfSigned(): Promise<{ cert: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: `CN=${DEFAULT_NAME}`,
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + 365 * DAY_MS),
      signingAlgorithm: algorithm,
      keys: keys as x509.X509CertificateCreateSelfSignedParams['keys'],
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: DEFAULT_NAME }])],
    },
    webcrypto as unknown as Parameters<typeof x509.X509CertificateGenerator.createSelfSigned>[1],
  );
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const pem = `-----BEGIN PRIVATE KEY-----\n${key.replaceAll(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n`;
  return { cert: certificate.toString('pem'), key: pem };
}
