/** A container that talks to the API as its ServiceAccount, as every in-cluster client does. */
import { randomInt } from 'node:crypto';
import t from 'tap';
import { ensureImages } from '../images.ts';
import { place, up } from './orlop.ts';

const JOB = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: reader }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: client }
spec:
  selector: { matchLabels: { app: client } }
  template:
    metadata: { labels: { app: client } }
    spec:
      serviceAccountName: reader
      terminationGracePeriodSeconds: 0
      containers:
      - name: main
        image: busybox:1.36
        command: [sleep, "100000"]
        volumeMounts: [{ name: host, mountPath: /host }]
      # Its network is the pod's, its programs are this machine's.
      volumes: [{ name: host, hostPath: { path: / } }]
`;

/** What every client library does: the address from the environment, the CA and the token from their files. */
const GET = `
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, CA: ca, TOKEN } = process.env;
const headers = { authorization: 'Bearer ' + TOKEN };
require('https').get({ host, port, ca, headers, path: '/api/v1/namespaces/default/pods' }, (response) => {
  let body = '';
  response.on('data', (chunk) => (body += chunk));
  response.on('end', () => console.log(JSON.stringify({ code: response.statusCode, body: JSON.parse(body) })));
});
`;

const DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

t.test('a pod acts as its ServiceAccount', { timeout: 180_000 }, async (t) => {
  await ensureImages('busybox:1.36');
  // The API's address is this machine's: no other cluster on it may have the same, for its pods neither. The route stays.
  const range = `10.${randomInt(100, 160)}.0.0/16`;
  const ranges = ['apiserver', 'loadbalancer'].flatMap((name) => ['--set', `${name}.serviceCIDR=${range}`]);
  const { kubectl } = await up(t, await place(t), '--no-hello', ...ranges);
  await kubectl.ok('apply -f -', JOB);
  await kubectl.ok('rollout status deployment/client --timeout=60s');
  const sh = (script: string): Promise<string> =>
    kubectl.ok(['exec', 'deploy/client', '--', 'sh', '-c', script]);
  t.equal(await sh(`cat ${DIR}/namespace`), 'default');
  t.match(await sh(`cat ${DIR}/ca.crt`), /^-----BEGIN CERTIFICATE-----/);
  const token = await sh(`cat ${DIR}/token`);
  const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
  const pod = JSON.parse(await kubectl.ok('get pods -l app=client -o json')).items[0];
  t.match(claims, {
    sub: 'system:serviceaccount:default:reader',
    'kubernetes.io': {
      namespace: 'default',
      pod: { name: pod.metadata.name, uid: pod.metadata.uid },
      serviceaccount: { name: 'reader' },
      node: { name: 'node-1' },
      warnafter: claims.iat + 3607,
    },
  });
  const client = `CA="$(cat ${DIR}/ca.crt)" TOKEN="$(cat ${DIR}/token)" chroot /host ${process.execPath} -e "$0"`;
  const get = async (): Promise<{ code: number; body: object }> =>
    JSON.parse(await kubectl.ok(['exec', 'deploy/client', '--', 'sh', '-c', client, GET]));
  const pods = { kind: 'PodList', items: [{ spec: { serviceAccountName: 'reader' } }] };
  const message = /User "system:serviceaccount:default:reader" cannot list resource "pods" in API group ""/;
  t.match(await get(), { code: 403, body: { message } }, 'it may nothing by itself');
  await kubectl.ok('create rolebinding reader --clusterrole=view --serviceaccount=default:reader');
  t.match(await get(), { code: 200, body: pods });
  await kubectl.ok('delete serviceaccount reader');
  t.match(await get(), { code: 401 }, 'its token is nobody’s');
});
