import type { Authenticator } from 'orlop/plugin';
import type { Checks } from './checks.ts';

export interface AuthFixture {
  authenticator: Authenticator;
  /** A bearer token that is somebody's. */
  token?: string;
}

/** The suite every plugin of kind `auth.v1` passes. */
export async function authConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<AuthFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to auth.v1`, async (t) => {
    const { authenticator, token } = await make(t);
    const certificate = { commonName: 'amy', organizations: ['dev', 'ops'] };
    const amy = await authenticator.authenticate({ certificate });
    t.equal(amy?.username, 'amy', "a client certificate's CN is the user");
    for (const group of ['dev', 'ops', 'system:authenticated']) {
      t.ok(amy?.groups.includes(group), `who is in group ${group}`);
    }
    t.equal(new Set(amy?.groups).size, amy?.groups.length, 'once each');
    if (token !== undefined) {
      const holder = await authenticator.authenticate({ token });
      t.ok(holder && holder.username !== '', "a token is somebody's");
      t.ok(holder?.groups.includes('system:authenticated'), 'who is authenticated');
      for (const wrong of [`${token}x`, token.slice(1), token.toUpperCase() + token]) {
        t.equal(await authenticator.authenticate({ token: wrong }), undefined, 'one like it is nobody’s');
      }
    }
    for (const nobody of [
      {},
      { token: '' },
      { token: 'not a token' },
      { certificate: { commonName: '', organizations: ['system:masters'] } },
    ]) {
      t.equal(await authenticator.authenticate(nobody), undefined, `${JSON.stringify(nobody)} is nobody's`);
    }
  });
}
