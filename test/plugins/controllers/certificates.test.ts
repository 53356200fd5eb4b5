/** Certificates for people, as `kubectl certificate approve` gives them. */
import 'reflect-metadata';
import { webcrypto, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type JsonName,
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509';
import { type CertificateSigningRequest, CertificateSigningRequests } from 'orlop/plugin';
import t from 'tap';
import { removalTime } from '../../../plugins/controllers/certificates/cleaner.ts';
import { SIGNERS } from '../../../plugins/controllers/certificates/signers.ts';
import { eventually } from '../../cluster.ts';
import { kubectl as kubectlOf } from '../../kubectl.ts';
import { testdir } from '../../testdir.ts';
import { standard, testApi } from '../apiserver/cluster.ts';

const { kernel, kubectl, kubeconfig } = await testApi(t, {
  plugins: [standard('controllers/certificates', { signingSeconds: 86_400 })],
});

const CLIENT = 'kubernetes.io/kube-apiserver-client';
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
};

async function request(name: JsonName, algorithm: typeof EC | typeof RSA, dns?: string) {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const asked = await Pkcs10CertificateRequestGenerator.create(
    {
      name,
      keys: keys as never,
      signingAlgorithm: algorithm,
      extensions:
        dns === undefined ? [] : [new SubjectAlternativeNameExtension([{ type: 'dns', value: dns }])],
    },
    webcrypto as never,
  );
  const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { pem: asked.toString('pem'), key };
}

function csr(name: string, pem: string, changes: object = {}): string {
  return JSON.stringify({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: CLIENT,
      usages: ['client auth'],
      ...changes,
    },
  });
}

async function decided(name: string): Promise<CertificateSigningRequest> {
  return eventually(`${name} is decided`, async () => {
    const found = (await kernel.objects.get(CertificateSigningRequests, { name }))?.value;
    const isFailed = found?.status?.conditions?.some(({ type }) => type === 'Failed');
    return found?.status?.certificate || isFailed ? found : undefined;
  });
}

for (const [name, algorithm] of Object.entries({ amy: EC, bob: RSA })) {
  t.test(`an approved ${algorithm.name} key becomes a user`, async (t) => {
    const { pem, key } = await request([{ O: ['dev'] }, { O: ['ops'] }, { CN: [name] }], algorithm);
    await kubectl.ok('apply -f -', csr(name, pem, { expirationSeconds: 3600 }));
    t.match(await kubectl.ok(`get csr ${name}`), /Pending/);
    await kubectl.ok(`certificate approve ${name}`);
    const { status } = await decided(name);
    t.match(await kubectl.ok(`get csr ${name}`), /Approved,Issued/);
    const certificate = Buffer.from(status!.certificate!, 'base64').toString();
    const read = new X509Certificate(certificate);
    t.notOk(read.ca);
    t.same(read.keyUsage, ['1.3.6.1.5.5.7.3.2'], 'a client and nothing else');
    const left = Date.parse(read.validTo) - Date.now();
    t.ok(left > 3_500_000 && left <= 3_600_000, 'for as long as was asked');
    const config = JSON.parse(readFileSync(kubeconfig, 'utf8'));
    config.users[0].user = {
      'client-certificate-data': status!.certificate,
      'client-key-data': Buffer.from(key).toString('base64'),
    };
    const file = join(testdir(t), 'config');
    writeFileSync(file, JSON.stringify(config));
    t.match(JSON.parse(await kubectlOf(file).ok('auth whoami -o json')).status.userInfo, {
      username: name,
      groups: ['dev', 'ops', 'system:authenticated'],
    });
  });
}

t.test('what is not signed', async (t) => {
  const { pem } = await request([{ CN: ['x'] }], EC);
  const masters = await request([{ O: ['system:masters'] }, { CN: ['x'] }], EC);
  const forged = Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
  forged[forged.length - 10]! ^= 1;
  const broken = PemConverter.encode(forged, 'CERTIFICATE REQUEST');
  const refused: [string, string, RegExp][] = [
    ['masters', csr('masters', masters.pem), /system:masters group is not allowed/],
    [
      'server',
      csr('server', pem, { usages: ['server auth'] }),
      /invalid usage for client certificate: server auth/,
    ],
    [
      'useless',
      csr('useless', pem, { usages: ['digital signature'] }),
      /missing required usage.*client auth/,
    ],
    ['forged', csr('forged', broken), /not signed by the key it is for/],
    [
      'garbage',
      csr('garbage', PemConverter.encode(Buffer.from('x'), 'CERTIFICATE REQUEST')),
      /unable to parse csr/,
    ],
  ];
  for (const [name, body, message] of refused) {
    await kubectl.ok('apply -f -', body);
    await kubectl.ok(`certificate approve ${name}`);
    const { status } = await decided(name);
    const failed = status?.conditions?.find(({ type }) => type === 'Failed');
    t.match(failed, { status: 'True', reason: 'SignerValidationFailure', message }, name);
    t.equal(status?.certificate, undefined);
  }
  t.match(await kubectl.ok('get csr masters'), /Approved,Failed/);
  await kubectl.ok('apply -f -', csr('denied', pem));
  await kubectl.ok('certificate deny denied');
  await kubectl.ok('apply -f -', csr('foreign', pem, { signerName: 'example.com/mine' }));
  await kubectl.ok('certificate approve foreign');
  await kubectl.ok('apply -f -', csr('last', pem));
  await kubectl.ok('certificate approve last');
  await decided('last');
  t.match(await kubectl.ok('get csr denied'), /Denied *$/m);
  t.match(await kubectl.ok('get csr foreign'), /Approved *$/m, "another's request is left to it");
});

t.test('signers', async (t) => {
  const node = { commonName: 'system:node:a', organizations: ['system:nodes'], names: [] };
  const [client, serving] = [SIGNERS[`${CLIENT}-kubelet`]!, SIGNERS['kubernetes.io/kubelet-serving']!];
  const dns = [{ type: 'dns', value: 'a' }];
  t.equal(client(node, ['client auth', 'digital signature', 'key encipherment']), undefined);
  t.match(client({ ...node, names: dns }, ['client auth']), /not allowed/);
  t.match(client({ ...node, commonName: 'a' }, ['client auth']), /common name/);
  t.match(client({ ...node, organizations: [] }, ['client auth']), /organization/);
  t.equal(serving({ ...node, names: dns }, ['server auth']), undefined);
  t.match(serving(node, ['server auth']), /required/);
  t.match(serving({ ...node, names: [{ type: 'email', value: 'a' }] }, ['server auth']), /only DNS and IP/);
});

t.test('what is done with goes', async (t) => {
  const at = (type: string) => ({ type, status: 'True', lastUpdateTime: '2026-01-01T01:00:00Z' });
  const due = (status: object): string | undefined => {
    const time = removalTime({
      metadata: { creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: {} as never,
      status,
    });
    return time === undefined ? undefined : new Date(time).toISOString();
  };
  t.equal(due({}), '2026-01-02T00:00:00.000Z');
  t.equal(due({ conditions: [at('Denied')] }), '2026-01-01T02:00:00.000Z');
  t.equal(due({ conditions: [at('Approved'), at('Failed')] }), '2026-01-01T02:00:00.000Z');
  t.equal(due({ conditions: [at('Approved')], certificate: 'x' }), '2026-01-01T02:00:00.000Z');
  t.equal(due({ conditions: [at('Approved')] }), undefined);
  const creationTimestamp = '2020-01-01T00:00:00Z';
  await kernel.objects.create(CertificateSigningRequests, {
    metadata: { name: 'old', creationTimestamp },
    spec: { request: '', signerName: CLIENT, usages: [] },
    status: { conditions: [{ ...at('Denied'), lastUpdateTime: creationTimestamp }] },
  });
  await eventually('an old one is removed', async () => {
    return !(await kernel.objects.get(CertificateSigningRequests, { name: 'old' }));
  });
});
