/** Tokens of ServiceAccounts, with the real kubectl. */
import { createPublicKey } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pods, ServiceAccounts, ServiceAccountTokens } from 'orlop/plugin';
import t from 'tap';
import { readToken } from '../../plugins/tokens/jwt.ts';
import { Keys } from '../../plugins/tokens/keys.ts';
import { serviceAccountTokens } from '../../plugins/tokens/tokens.ts';
import { eventually } from '../cluster.ts';
import { type Kubectl, kubectl as kubectlOf } from '../kubectl.ts';
import { testdir } from '../testdir.ts';
import { standard, testApi } from './apiserver/cluster.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const { kernel, kubectl, kubeconfig, request } = await testApi(t, {
  plugins: [standard('controllers/serviceaccounttoken'), standard('controllers/clusterroleaggregation')],
});

function claimsOf(token: string): Record<string, unknown> & { iat: number } {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
}

/** A kubectl that has nothing but a token. */
function withToken(token: string): Kubectl {
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8'));
  config.users[0].user = { token };
  const file = join(testdir(t), 'config');
  writeFileSync(file, JSON.stringify(config));
  return kubectlOf(file);
}

async function whoami(token: string): Promise<number> {
  const self = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const headers = { authorization: `Bearer ${token}` };
  return (await request('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', self, headers)).code;
}

async function pod(name: string, account = 'default'): Promise<string> {
  const spec = { serviceAccountName: account, containers: [{ name: 'main', image: 'app:1' }] };
  const { body } = await request('POST', '/api/v1/namespaces/default/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec,
  });
  return body.metadata.uid;
}

t.test('kubectl create token', async (t) => {
  await kubectl.ok('create serviceaccount robot');
  const token = (await kubectl.ok('create token robot --duration=20m')).trim();
  const { metadata } = JSON.parse(await kubectl.ok('get serviceaccount robot -o json'));
  const claims = claimsOf(token);
  t.match(claims, {
    aud: [ISSUER],
    iss: ISSUER,
    sub: 'system:serviceaccount:default:robot',
    jti: /^[0-9a-f-]{36}$/,
    exp: claims.iat + 1200,
    nbf: claims.iat,
    'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'robot', uid: metadata.uid } },
  });
  t.match(JSON.parse(await withToken(token).ok('auth whoami -o json')).status.userInfo, {
    username: 'system:serviceaccount:default:robot',
    uid: metadata.uid,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${claims['jti']}`] },
  });
  t.match(await withToken(token)('get pods'), { code: 1, stderr: /cannot list resource "pods"/ });
  await kubectl.ok('create rolebinding robot --clusterrole=view --serviceaccount=default:robot');
  await eventually('it may view', async () => (await withToken(token)('get pods')).code === 0);
  const both = await kubectl.ok(['auth', 'whoami', `--token=${token}`]);
  t.match(
    both,
    /system:serviceaccount:default:robot/,
    'a token goes before the certificate of the kubeconfig',
  );
  t.match(await kubectl('get namespaces --token=wrong'), { code: 1 }, 'also one that is nobody’s');
});

t.test('what cannot be asked for', async (t) => {
  for (const [args, message] of [
    ['robot --duration=1m', /may not specify a duration less than 10 minutes/],
    ['nobody', /serviceaccounts "nobody" not found/],
    ['robot --bound-object-kind=Pod --bound-object-name=none', /pods "none" not found/],
  ] as const) {
    t.match(await kubectl(`create token ${args}`), { code: 1, stderr: message });
  }
  await pod('other');
  const bound = 'robot --bound-object-kind=Pod --bound-object-name=other';
  t.match(await kubectl(`create token ${bound}`), { code: 1, stderr: /different serviceaccount name/ });
  const path = '/api/v1/namespaces/default/serviceaccounts/robot/token';
  const strange = await request('POST', path, { spec: { boundObjectRef: { kind: 'ConfigMap', name: 'x' } } });
  t.match(strange, {
    code: 400,
    body: { message: 'cannot bind token to object of type v1, Kind=ConfigMap' },
  });
  t.equal((await request('GET', path)).code, 405);
});

t.test('a token ends with what it is bound to', async (t) => {
  const uid = await pod('mine', 'robot');
  const bound = 'robot --bound-object-kind=Pod --bound-object-name=mine';
  const token = (await kubectl.ok(`create token ${bound} --bound-object-uid=${uid}`)).trim();
  t.match(claimsOf(token), { 'kubernetes.io': { pod: { name: 'mine', uid } } });
  t.match(await kubectl(`create token ${bound} --bound-object-uid=another`), {
    code: 1,
    stderr: /the UID in the bound object reference \(another\) does not match the UID in record/,
  });
  t.equal(await whoami(token), 201);
  await kubectl.ok('delete pod mine --now');
  t.equal(await whoami(token), 401);
  await pod('mine', 'robot');
  t.equal(await whoami(token), 401, 'another pod of its name is not it');

  const ofAccount = (await kubectl.ok('create token robot')).trim();
  await kubectl.ok('delete serviceaccount robot');
  t.equal(await whoami(ofAccount), 401);
  await kubectl.ok('create serviceaccount robot');
  t.equal(await whoami(ofAccount), 401, 'nor another account');
});

t.test('what is no token', async (t) => {
  const token = (await kubectl.ok('create token robot')).trim();
  const [header, payload, signature] = token.split('.') as [string, string, string];
  const forged = (changes: object): string =>
    Buffer.from(JSON.stringify({ ...claimsOf(token), ...changes })).toString('base64url');
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  const kid = JSON.parse(Buffer.from(header, 'base64url').toString()).kid;
  const symmetric = Buffer.from(JSON.stringify({ alg: 'HS256', kid })).toString('base64url');
  for (const wrong of [
    `${header}.${forged({ sub: 'system:serviceaccount:kube-system:default' })}.${signature}`,
    `${none}.${payload}.`,
    `${symmetric}.${payload}.${signature}`,
    `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
    `${header}.${payload}`,
    `${header}..`,
    '..',
  ]) {
    t.equal(await whoami(wrong), 401, wrong.slice(0, 20));
  }
});

t.test('audiences and TokenReview', async (t) => {
  const token = (await kubectl.ok('create token robot --audience=vault --audience=db')).trim();
  t.equal(await whoami(token), 401, 'a token for others is none for the API server');
  const review = async (of: string, audiences?: string[]): Promise<unknown> => {
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: of, audiences },
    };
    return (await request('POST', '/apis/authentication.k8s.io/v1/tokenreviews', body)).body.status;
  };
  const user = { username: 'system:serviceaccount:default:robot' };
  t.match(await review(token, ['db', 'other']), { authenticated: true, user, audiences: ['db'] });
  t.match(await review(token, ['other']), { authenticated: false, error: String });
  t.match(await review(token), { authenticated: false });
  const own = (await kubectl.ok('create token robot')).trim();
  t.match(await review(own), { authenticated: true, user, audiences: [ISSUER] });
});

t.test('the keys are there for others', async (t) => {
  const { body: issuer } = await request('GET', '/.well-known/openid-configuration');
  t.match(issuer, { issuer: ISSUER, jwks_uri: /\/openid\/v1\/jwks$/ });
  const { body, headers } = await request('GET', new URL(issuer.jwks_uri).pathname);
  t.equal(headers['content-type'], 'application/jwk-set+json');
  const token = (await kubectl.ok('create token robot')).trim();
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString());
  const jwk = body.keys.find((each: { kid: string }) => each.kid === kid);
  t.match(readToken(token, createPublicKey({ key: jwk, format: 'jwk' })), { iss: ISSUER });
  t.notOk(jwk.d, 'the private part is not');
  const mode = statSync(join(kernel.dataDir, 'plugins/tokens/signing.key')).mode;
  t.equal(mode & 0o777, 0o600);
});

t.test('Secrets with a token', async (t) => {
  const secret = (name: string, account: string): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, annotations: { 'kubernetes.io/service-account.name': account } },
      type: 'kubernetes.io/service-account-token',
    });
  await kubectl.ok('apply -f -', secret('robot-token', 'robot'));
  const data = await eventually('the Secret is filled', async () => {
    const found = JSON.parse(await kubectl.ok('get secret robot-token -o json'));
    return found.data?.token === undefined ? undefined : found.data;
  });
  const text = (key: string): string => Buffer.from(data[key], 'base64').toString();
  t.equal(text('namespace'), 'default');
  t.match(text('ca.crt'), /^-----BEGIN CERTIFICATE-----/);
  t.match(claimsOf(text('token')), { iss: 'kubernetes/serviceaccount' });
  t.match(await withToken(text('token')).ok('auth whoami'), /system:serviceaccount:default:robot/);
  t.match(await kubectl.ok('describe serviceaccount robot'), /Tokens: +robot-token/);
  await kubectl.ok('delete secret robot-token');
  t.equal(await whoami(text('token')), 401);
  await kubectl.ok('apply -f -', secret('robot-token', 'robot'));
  await kubectl.ok('apply -f -', secret('lost', 'nobody'));
  await kubectl.ok('delete serviceaccount robot');
  await eventually('tokens of nobody go', async () => (await kubectl.ok('get secrets -o name')) === '');
});

t.test('time, and other servers', async (t) => {
  await kernel.objects.create(ServiceAccounts, { metadata: { namespace: 'default', name: 'clock' } });
  let now = Date.now();
  const config = { issuer: ISSUER, audiences: [], maxExpirationSeconds: 7200 };
  const keys = await Keys.open(testdir(t), kernel.objects);
  const tokens = serviceAccountTokens(kernel.objects, keys, config, () => now);
  const { token, expirationTimestamp } = await tokens.issue('default', 'clock', { expirationSeconds: 9999 });
  t.equal(
    Date.parse(expirationTimestamp),
    Math.floor(now / 1000) * 1000 + 7_200_000,
    'no longer than configured',
  );
  t.match(await kernel.service(ServiceAccountTokens).verify(token, [ISSUER]), {
    user: { username: 'system:serviceaccount:default:clock' },
  });
  t.equal(await whoami(token), 201, 'a token of one server is good at another');
  now += 7_200_000 - 1000;
  t.ok(await tokens.verify(token, [ISSUER]));
  now += 62_000;
  t.equal(await tokens.verify(token, [ISSUER]), undefined, 'it has expired');
  now -= 9_000_000;
  t.equal(await tokens.verify(token, [ISSUER]), undefined, 'it is not valid yet');
  const { issue, verify } = serviceAccountTokens(kernel.objects, keys, { ...config, issuer: 'https://x' });
  const foreign = await issue('default', 'clock', { audiences: [ISSUER] });
  t.ok(await verify(foreign.token, [ISSUER]));
  t.equal(await whoami(foreign.token), 401, 'another issuer is somebody else');
});

t.test('every pod has its account', async (t) => {
  await kubectl.ok('create serviceaccount quiet');
  const patch = { automountServiceAccountToken: false, imagePullSecrets: [{ name: 'pull' }] };
  await kubectl.ok(['patch', 'serviceaccount', 'quiet', '-p', JSON.stringify(patch)]);
  await kubectl.ok('run loud --image=app:1');
  const { spec } = JSON.parse(await kubectl.ok('get pod loud -o json'));
  const [volume] = spec.volumes;
  t.match(volume.name, /^kube-api-access-[a-z0-9]{5}$/);
  t.match(volume.projected, {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
    ],
  });
  const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
  t.same(spec.containers[0].volumeMounts, [{ name: volume.name, readOnly: true, mountPath }]);
  t.equal(spec.serviceAccountName, 'default');
  await kubectl.ok('run silent --image=app:1 --overrides={"spec":{"serviceAccountName":"quiet"}}');
  const silent = (await kernel.objects.get(Pods, { namespace: 'default', name: 'silent' }))!.value.spec!;
  t.match(silent, { volumes: undefined, imagePullSecrets: [{ name: 'pull' }] });
  t.match(await kubectl('run lost --image=app:1 --overrides={"spec":{"serviceAccountName":"nobody"}}'), {
    code: 1,
    stderr:
      /pods "lost" is forbidden: error looking up service account default\/nobody: serviceaccount "nobody" not found/,
  });
});
