import { controllerReference, Deployments } from 'orlop/plugin';
import { bounds, wantedReplicas } from './replicas.ts';
import { templateHash } from './template.ts';
import {
  DESIRED_REPLICAS,
  type Deployment,
  MAX_REPLICAS,
  POD_TEMPLATE_HASH,
  REVISION,
  REVISION_HISTORY,
  type ReplicaSet,
} from './types.ts';

const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]);
const HISTORY_LIMIT = 2000;

export function revisionOf(replicaSet: ReplicaSet): number {
  return Number.parseInt(replicaSet.metadata?.annotations?.[REVISION] ?? '0', 10) || 0;
}

export function maxRevision(replicaSets: readonly ReplicaSet[]): number {
  return Math.max(0, ...replicaSets.map(revisionOf));
}

/** The Deployment's own annotations, and the revision: the next one when the template is new or has come back by a rollback. */
export function revisedAnnotations(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  current: ReplicaSet | undefined,
): Record<string, string> {
  const annotations = { ...current?.metadata?.annotations };
  for (const [name, value] of Object.entries(deployment.metadata?.annotations ?? {})) {
    if (!NOT_COPIED.has(name)) annotations[name] = value;
  }
  const before = annotations[REVISION];
  const revision = maxRevision(old) + 1;
  if ((current ? revisionOf(current) : 0) < revision) {
    annotations[REVISION] = String(revision);
    if (before !== undefined) {
      const history = [...(annotations[REVISION_HISTORY]?.split(',') ?? []), before];
      while (history.join(',').length > HISTORY_LIMIT) history.shift();
      annotations[REVISION_HISTORY] = history.join(',');
    }
  }
  return annotations;
}

export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const wanted = wantedReplicas(deployment);
  return {
    [DESIRED_REPLICAS]: String(wanted),
    [MAX_REPLICAS]: String(wanted + bounds(deployment).maxSurge),
  };
}

/** The ReplicaSet of the Deployment's present template, to create. */
export function newReplicaSet(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  replicas: number,
): ReplicaSet {
  const { name, namespace } = deployment.metadata!;
  const { template, selector, minReadySeconds } = deployment.spec!;
  const hash = templateHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [POD_TEMPLATE_HASH]: hash };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      namespace: namespace!,
      labels,
      annotations: {
        ...revisedAnnotations(deployment, old, undefined),
        ...sizeAnnotations(deployment),
      },
      ownerReferences: [controllerReference(Deployments, deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds ? { minReadySeconds } : {}),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [POD_TEMPLATE_HASH]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
    status: { replicas: 0 },
  };
}

/** Old ReplicaSets beyond `revisionHistoryLimit`, oldest revision first; only those that have ended. */
export function outOfHistory(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const kept = old.filter((each) => each.metadata?.deletionTimestamp === undefined);
  return kept
    .sort((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, Math.max(0, kept.length - limit))
    .filter(
      ({ metadata, spec, status }) =>
        (spec?.replicas ?? 1) === 0 &&
        (status?.replicas ?? 0) === 0 &&
        (metadata?.generation ?? 0) <= (status?.observedGeneration ?? 0),
    );
}
