import { createPublicKey } from 'node:crypto';
import { type ObjectClient, Pods, ServiceAccounts, type ServiceAccountTokens } from 'orlop/plugin';
import type { Checks } from './checks.ts';

export interface TokensFixture {
  tokens: ServiceAccountTokens;
  /** The store that it looks at. */
  objects: ObjectClient;
}

const namespace = 'conformance';

/** The suite every plugin of kind `tokens.v1` passes. */
export async function tokensConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<TokensFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to tokens.v1`, async (t) => {
    const { tokens, objects } = await make(t);
    const { issuer, audiences } = tokens;
    t.ok(
      issuer.startsWith('https://') && audiences.length > 0,
      'it says who it is and who accepts its tokens',
    );
    const account = await objects.create(ServiceAccounts, { metadata: { namespace, name: 'amy' } });
    const issued = await tokens.issue(namespace, 'amy', { expirationSeconds: 900 });
    t.same(issued.audiences, [...audiences], 'a token is for the API server unless it says otherwise');
    const left = Date.parse(issued.expirationTimestamp) - Date.now();
    t.ok(left > 890_000 && left <= 900_000, 'for as long as was asked');
    const found = await tokens.verify(issued.token, audiences);
    t.equal(found?.user.username, `system:serviceaccount:${namespace}:amy`);
    t.equal(found?.user.uid, account.value.metadata?.uid);
    for (const group of [
      'system:serviceaccounts',
      `system:serviceaccounts:${namespace}`,
      'system:authenticated',
    ]) {
      t.ok(found?.user.groups.includes(group), `it is in group ${group}`);
    }
    for (const wrong of ['', 'x', `${issued.token}x`, issued.token.slice(0, -8)]) {
      t.equal(await tokens.verify(wrong, audiences), undefined, 'what is like it is nobody’s');
    }

    const { token } = await tokens.issue(namespace, 'amy', { audiences: ['a', 'b'] });
    t.same((await tokens.verify(token, ['b', 'c']))?.audiences, ['b'], 'it is for those who were named');
    t.equal(await tokens.verify(token, audiences), undefined, 'and for nobody else');

    const { keys } = await tokens.keySet();
    t.ok(keys.length > 0, 'its keys are public');
    for (const key of keys) t.equal(createPublicKey({ key, format: 'jwk' }).type, 'public');
    t.notOk(
      keys.some((key) => 'd' in key),
      'as far as they are',
    );

    for (const seconds of [1, 2 ** 40]) {
      await t.rejects(tokens.issue(namespace, 'amy', { expirationSeconds: seconds }), { reason: 'Invalid' });
    }
    await t.rejects(tokens.issue(namespace, 'nobody', {}), { reason: 'NotFound' });

    const spec = { serviceAccountName: 'amy', containers: [] };
    const pod = await objects.create(Pods, { metadata: { namespace, name: 'p' }, spec });
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: pod.value.metadata?.uid ?? '' };
    const bound = await tokens.issue(namespace, 'amy', { boundObjectRef });
    t.ok(await tokens.verify(bound.token, audiences), 'a token for a pod');
    const other = { ...boundObjectRef, uid: 'other' };
    await t.rejects(tokens.issue(namespace, 'amy', { boundObjectRef: other }), { reason: 'Conflict' });
    await objects.delete(Pods, { namespace, name: 'p' });
    t.equal(await tokens.verify(bound.token, audiences), undefined, 'ends with it');
    await objects.delete(ServiceAccounts, { namespace, name: 'amy' });
    t.equal(await tokens.verify(issued.token, audiences), undefined, 'as every one does with its account');
  });
}
