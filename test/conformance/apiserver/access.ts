import type { Checks } from '../checks.ts';
import type { Answer, Api, ApiCredential } from './client.ts';
import { CONFIG_MAPS, configMap, failure, NAMESPACE } from './manifests.ts';

interface Users {
  readonly admin: Api;
  readonly nobody: Api;
  as(credential: ApiCredential): Api;
}

/** Who may do what. */
export async function accessConformance(t: Checks, { admin, nobody, as }: Users): Promise<void> {
  const stranger = await as({}).get(CONFIG_MAPS);
  t.match(
    stranger.body,
    { kind: 'Status', reason: /^(Unauthorized|Forbidden)$/ },
    'without credentials nothing is read',
  );
  t.match(
    await as({ token: 'of-nobody' }).get('/api'),
    failure(401, 'Unauthorized'),
    "a token that is nobody's",
  );

  const self = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const who = await admin.post(self, { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
  t.match(who, { code: 201, body: { status: { userInfo: { username: String } } } }, 'one is told who one is');
  const access = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const resourceAttributes = { namespace: NAMESPACE, verb: 'create', resource: 'configmaps' };
  const allowed = await admin.post(access, { spec: { resourceAttributes } });
  t.match(allowed, { code: 201, body: { status: { allowed: true } } }, 'and what one may do');

  const refused: [what: string, answer: Promise<Answer>][] = [
    ['list', nobody.get(CONFIG_MAPS)],
    ['watch', nobody.get(`${CONFIG_MAPS}?watch=true&timeoutSeconds=1`)],
    ['get', nobody.get(`${CONFIG_MAPS}/kept`)],
    ['get one that is not there', nobody.get(`${CONFIG_MAPS}/not-there`)],
    ['create', nobody.post(CONFIG_MAPS, configMap('theirs'))],
    ['update', nobody.put(`${CONFIG_MAPS}/kept`, configMap('kept'))],
    ['patch', nobody.patch(`${CONFIG_MAPS}/kept`, 'merge', {})],
    ['delete', nobody.delete(`${CONFIG_MAPS}/kept`)],
    ['delete all', nobody.delete(CONFIG_MAPS)],
    ['act as another', nobody.ask('GET', CONFIG_MAPS, { headers: { 'impersonate-user': 'root' } })],
  ];
  for (const [what, answer] of refused) {
    t.match(await answer, failure(403, 'Forbidden'), `who has no rights may not ${what}`);
  }
  const { body } = await nobody.get(CONFIG_MAPS);
  t.match(
    body.message,
    /^configmaps is forbidden: User ".+" cannot list resource "configmaps"/,
    'which is said',
  );
  t.equal((await admin.get(`${CONFIG_MAPS}/kept`)).code, 200, 'and nothing has happened');
  const headers = { 'impersonate-user': 'amy' };
  const asMaster = { ...headers, 'impersonate-group': 'system:masters' };
  const acted = await admin.ask('POST', self, { body: {}, headers: asMaster });
  t.match(acted.body.status?.userInfo, { username: 'amy' }, 'who has all may act as another');
  const refusal = await admin.ask('GET', CONFIG_MAPS, { headers });
  t.match(refusal, failure(403, 'Forbidden'), 'with the rights of that one');
}
