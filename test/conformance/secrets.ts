import { randomBytes } from 'node:crypto';
import type { SecretsEncoding, StatusError } from 'orlop/plugin';
import type { Checks } from './checks.ts';

export interface SecretsFixture {
  encoding: SecretsEncoding;
  /** It stores values as they are, and says so: nothing is hidden, nor bound to its object. */
  plain?: boolean;
}

/** The suite every plugin of kind `secrets.v1` passes. */
export async function secretsConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<SecretsFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to secrets.v1`, async (t) => {
    const { encoding, plain = false } = await make(t);
    t.match(encoding.encoding, /^[a-z0-9][a-z0-9-]*$/, 'its name is fit to be stored with each value');
    for (const size of [0, 1, 1_000, 1 << 20]) {
      const value = randomBytes(size);
      const before = Buffer.from(value);
      const stored = encoding.encode(value, 'secrets/a');
      t.ok(Buffer.from(value).equals(before), `encoding ${size} bytes leaves them alone`);
      t.ok(Buffer.from(encoding.decode(stored, 'secrets/a')).equals(value), 'and they are read back');
    }
    if (plain) return;
    const text = Buffer.from('{"data":{"password":"aHVudGVyMg=="}}');
    const stored = encoding.encode(text, 'secrets/a');
    t.notOk(Buffer.from(stored).includes('aHVudGVyMg'), 'the value does not show through');
    t.notOk(Buffer.from(stored).equals(encoding.encode(text, 'secrets/a')), 'nor that two are the same');
    refused(t, () => encoding.decode(stored, 'secrets/b'), 'another object');
    for (const at of [0, stored.length >> 1, stored.length - 1]) {
      const damaged = Buffer.from(stored);
      damaged[at]! ^= 1;
      refused(t, () => encoding.decode(damaged, 'secrets/a'), `a value damaged at byte ${at}`);
    }
    for (const length of [0, 1, stored.length - 1]) {
      refused(
        t,
        () => encoding.decode(stored.subarray(0, length), 'secrets/a'),
        `one cut to ${length} bytes`,
      );
    }
  });
}

function refused(t: Checks, decode: () => unknown, what: string): void {
  t.throws(
    decode,
    { name: 'StatusError', reason: 'InternalError' } satisfies Partial<StatusError>,
    `${what} is refused`,
  );
}
