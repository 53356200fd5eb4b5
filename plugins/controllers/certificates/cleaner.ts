import { type CertificateSigningRequest, findCondition } from 'orlop/plugin';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * When a request has served its purpose and goes, milliseconds since the epoch; `undefined`: it waits for its signer.
 * Source: kubernetes `pkg/controller/certificates/cleaner`.
 */
export function removalTime({ metadata, status }: CertificateSigningRequest): number | undefined {
  const since = (type: string): number | undefined => {
    const found = findCondition(status?.conditions, type);
    return (
      found &&
      Date.parse(found.lastUpdateTime ?? found.lastTransitionTime ?? metadata?.creationTimestamp ?? '')
    );
  };
  const [denied, failed, approved] = [since('Denied'), since('Failed'), since('Approved')];
  const over = denied ?? failed ?? (status?.certificate ? approved : undefined);
  if (over !== undefined) return over + HOUR_MS;
  return approved === undefined ? Date.parse(metadata?.creationTimestamp ?? '') + DAY_MS : undefined;
}
