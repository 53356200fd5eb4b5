import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { CertificateAuthority } from 'orlop/plugin';
import type { Checks } from './checks.ts';

export interface CaFixture {
  authority: CertificateAuthority;
}

/** Of O=dev, CN=bob, also known as bob.example. */
const REQUEST = `-----BEGIN CERTIFICATE REQUEST-----
MIIBADCBpwIBADAcMQwwCgYDVQQKDANkZXYxDDAKBgNVBAMMA2JvYjBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABBNBo+saaLpFMzz2tEeO8zMTn944WJVn/gq0XdX3
WJNB0vnJ3lCSNJTRXrYxhjTVoIKnZ6N1zlUqvsipK+8XotegKTAnBgkqhkiG9w0B
CQ4xGjAYMBYGA1UdEQQPMA2CC2JvYi5leGFtcGxlMAoGCCqGSM49BAMCA0gAMEUC
IGDg0zo2W7Jh8xq7iFYVpnNpX7E624QiF7zAgK6RDHegAiEA7z2H4RMSFshKDj28
pQqHUJg1ZNaKXOzf2xWu2WMkdAE=
-----END CERTIFICATE REQUEST-----
`;

const DAY = 24 * 3_600_000;

/** The suite every plugin of kind `ca.v1` passes. */
export async function caConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<CaFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to ca.v1`, async (t) => {
    const { authority } = await make(t);
    const root = new X509Certificate(authority.certificate);
    t.ok(root.ca && root.verify(root.publicKey), 'its own certificate is that of a CA, signed by itself');
    const hosts = ['localhost', '127.0.0.1', '::1'];
    const server = await authority.issue({ commonName: 'orlop', usage: 'server', hosts });
    const one = check(server, root);
    t.equal(one.checkHost('localhost'), 'localhost', 'a server is the names it was asked for');
    for (const ip of hosts.slice(1)) t.equal(one.checkIP(ip), ip, `and the address ${ip}`);
    t.same(one.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'and a server only');
    const groups = ['dev', 'system:masters'];
    const client = await authority.issue({
      commonName: 'amy',
      organizations: groups,
      usage: 'client',
      days: 2,
    });
    const amy = check(client, root);
    for (const line of ['CN=amy', ...groups.map((group) => `O=${group}`)]) {
      t.ok(amy.subject.split('\n').includes(line), `a client is ${line}`);
    }
    t.same(amy.keyUsage, ['1.3.6.1.5.5.7.3.2'], 'and a client only');
    const left = Date.parse(amy.validTo) - Date.now();
    t.ok(left > DAY && left <= 2 * DAY, 'for the days it was asked for');

    const usages = ['digital signature', 'client auth'];
    const signed = await authority.sign({ request: REQUEST, usages, expirationSeconds: 7200 });
    const bob = new X509Certificate(signed);
    t.ok(
      bob.verify(root.publicKey) && !bob.ca,
      'it signs the requests of others, of which none becomes a CA',
    );
    t.same(bob.subject.split('\n').sort(), ['CN=bob', 'O=dev'], 'with their names');
    t.equal(bob.subjectAltName, 'DNS:bob.example', 'all of them');
    t.same(bob.keyUsage, ['1.3.6.1.5.5.7.3.2'], 'for the given usages');
    const seconds = (Date.parse(bob.validTo) - Date.now()) / 1000;
    t.ok(seconds > 7100 && seconds <= 7200, 'and the given time');
    const other = { request: REQUEST.replace('M', 'N'), usages, expirationSeconds: 7200 };
    await t.rejects(authority.sign(other), { reason: 'Invalid' }, 'what is no request is refused');
    t.notOk(amy.serialNumber === one.serialNumber, 'no two have one serial number');

    function check(issued: { certificate: string; key: string }, by: X509Certificate): X509Certificate {
      const certificate = new X509Certificate(issued.certificate);
      t.ok(certificate.verify(by.publicKey) && !certificate.ca, 'it signs what it issues, which is no CA');
      t.ok(certificate.checkPrivateKey(createPrivateKey(issued.key)), 'and gives the key to it');
      return certificate;
    }
  });
}
