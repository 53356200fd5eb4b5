import { isDeepStrictEqual } from 'node:util';
import { NAME_ALPHABET } from 'orlop/plugin';
import { type Deployment, POD_TEMPLATE_HASH, type PodTemplateSpec, type ReplicaSet } from './types.ts';

/** Whether two templates make the same pods: equal but for the label that tells ReplicaSets apart. */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return isDeepStrictEqual(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplateSpec | undefined): unknown {
  const { [POD_TEMPLATE_HASH]: _, ...labels } = template?.metadata?.labels ?? {};
  const { creationTimestamp: __, ...metadata } = template?.metadata ?? {};
  return { ...template, metadata: { ...metadata, labels } };
}

/** The ReplicaSet of the Deployment's present template; of several, the oldest. */
export function findNewReplicaSet(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
): ReplicaSet | undefined {
  return [...replicaSets]
    .sort(byCreation)
    .find((each) => sameTemplate(each.spec?.template, deployment.spec?.template));
}

/** Oldest first, then by name. */
export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  const [left, right] = [a.metadata?.creationTimestamp ?? '', b.metadata?.creationTimestamp ?? ''];
  if (left !== right) return left < right ? -1 : 1;
  return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1;
}

/**
 * A hash of the template that does not depend on the order of its keys, in characters that spell no word: FNV-1a, encoded as upstream's
 * `SafeEncodeString`. The values differ from upstream's, whose hash is over Go's memory layout.
 */
export function templateHash(template: PodTemplateSpec | undefined, collisionCount = 0): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(canonical(withoutHash(template)) + (collisionCount || ''))) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return String(hash).replaceAll(
    /\d/g,
    (digit) => NAME_ALPHABET[digit.charCodeAt(0) % NAME_ALPHABET.length]!,
  );
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(',')}}`;
}
