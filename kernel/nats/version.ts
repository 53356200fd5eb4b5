/** The oldest nats-server that has everything the store stands on. */
export const MINIMUM = '2.12';

/** Why a nats-server of this version will not do, or `undefined` when it will. */
export function tooOld(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const number = major * 1000 + minor;
  if (number >= 2012) return undefined;
  const why =
    number < 2010
      ? 'it can lose acknowledged writes when it crashes'
      : 'it lacks atomic batches (2.12) and the expiry of single messages (2.11)';
  return `nats-server ${version} is too old: ${why}. Orlop needs ${MINIMUM} or newer.`;
}
