import { isDeepStrictEqual } from 'node:util';
import {
  controllerOf,
  Deployments,
  type EventRecorder,
  isStatus,
  Namespaces,
  type ObjectClient,
  objectKey,
  ReplicaSets,
} from 'orlop/plugin';
import {
  desiredAnnotation,
  isRolling,
  newReplicaSetSize,
  proportionalSizes,
  type Resize,
  shrinkOld,
  sizeOf,
  wantedReplicas,
} from './replicas.ts';
import { newReplicaSet, outOfHistory, revisedAnnotations, sizeAnnotations } from './revisions.ts';
import {
  countedStatus,
  deadlineIn,
  hasDeadline,
  isComplete,
  pausedConditions,
  progressNote,
  rolloutStatus,
} from './status.ts';
import { findNewReplicaSet, sameTemplate } from './template.ts';
import {
  type Deployment,
  type DeploymentCondition,
  type DeploymentStatus,
  REVISION,
  type ReplicaSet,
} from './types.ts';

/** `after`: milliseconds until the Deployment has to be looked at again though nothing changes. */
export interface Outcome {
  after?: number | undefined;
}

/** One step of one Deployment: applies what `replicas.ts`, `revisions.ts` and `status.ts` decide. Source: upstream's `syncDeployment`. */
export class Rollout {
  private readonly objects: ObjectClient;
  private readonly events: EventRecorder;
  private deployment: Deployment;
  private current: ReplicaSet | undefined;
  private old: ReplicaSet[];

  constructor(
    objects: ObjectClient,
    events: EventRecorder,
    deployment: Deployment,
    replicaSets: readonly ReplicaSet[],
  ) {
    this.objects = objects;
    this.events = events;
    this.deployment = deployment;
    this.current = findNewReplicaSet(deployment, replicaSets);
    this.old = replicaSets.filter((each) => each !== this.current);
  }

  async sync(stillRunning: (old: readonly ReplicaSet[]) => Promise<boolean>): Promise<Outcome> {
    if (this.deployment.metadata?.deletionTimestamp !== undefined) return this.report(countedStatus);
    const conditions = pausedConditions(this.deployment, Date.now());
    if (conditions) await this.writeStatus({ ...this.deployment.status, conditions });
    await this.reviseCurrent();
    if (this.deployment.spec?.paused || this.isScaled()) {
      await this.resize(proportionalSizes(this.deployment, this.old, this.current));
      if (this.deployment.spec?.paused) await this.forget();
      return this.report(countedStatus);
    }
    const moved = isRolling(this.deployment) ? await this.roll() : await this.recreate(stillRunning);
    if (!moved && isComplete(this.deployment)) await this.forget();
    return this.report(rolloutStatus);
  }

  /** `spec.replicas` is not what the ReplicaSets were last sized for. */
  private isScaled(): boolean {
    const wanted = wantedReplicas(this.deployment);
    return this.all().some((each) => {
      const desired = desiredAnnotation(each);
      return sizeOf(each) > 0 && desired !== undefined && desired !== wanted;
    });
  }

  private async roll(): Promise<boolean> {
    const current = this.current ?? (await this.create());
    if (!current) return true;
    const size = newReplicaSetSize(this.deployment, this.all(), current);
    if (await this.resize([{ replicaSet: current, replicas: size }])) return true;
    return this.resize(shrinkOld(this.deployment, this.old, this.current!));
  }

  private async recreate(stillRunning: (old: readonly ReplicaSet[]) => Promise<boolean>): Promise<boolean> {
    if (await this.resize(this.old.map((replicaSet) => ({ replicaSet, replicas: 0 })))) return true;
    if (await stillRunning(this.old)) return true;
    const current = this.current ?? (await this.create());
    if (!current) return true;
    return this.resize([{ replicaSet: current, replicas: wantedReplicas(this.deployment) }]);
  }

  private all(): ReplicaSet[] {
    return this.current ? [...this.old, this.current] : this.old;
  }

  /** Keeps annotations, revision and minReadySeconds of the present ReplicaSet, and the Deployment's revision, up to date. */
  private async reviseCurrent(): Promise<void> {
    const { current, deployment } = this;
    if (!current) return;
    const annotations = revisedAnnotations(deployment, this.old, current);
    const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
    const stale = minReadySeconds !== (current.spec?.minReadySeconds ?? 0);
    if (stale || !isDeepStrictEqual(annotations, current.metadata?.annotations ?? {})) {
      await this.update(current, (draft) => {
        draft.metadata!.annotations = annotations;
        if (stale) draft.spec!.minReadySeconds = minReadySeconds;
      });
    }
    const revision = annotations[REVISION]!;
    const noted = deployment.status?.conditions?.some((each) => each.type === 'Progressing') === true;
    if (deployment.metadata?.annotations?.[REVISION] === revision && (noted || !hasDeadline(deployment)))
      return;
    const message = `Found new replica set "${current.metadata?.name}"`;
    const conditions = noted ? undefined : this.note('True', 'FoundNewReplicaSet', message);
    await this.writeStatus(conditions ? { ...deployment.status, conditions } : deployment.status, revision);
  }

  private async create(): Promise<ReplicaSet | undefined> {
    const { deployment, old } = this;
    const namespace = await this.objects.get(Namespaces, { name: deployment.metadata!.namespace! });
    if (namespace?.value.metadata?.deletionTimestamp !== undefined) return undefined;
    const wished = newReplicaSet(deployment, old, newReplicaSetSize(deployment, old, undefined));
    try {
      this.current = (await this.objects.create(ReplicaSets, wished)).value;
    } catch (error) {
      if (isStatus(error, 'AlreadyExists')) return this.collision(wished, error);
      const message = `Failed to create new replica set "${wished.metadata!.name}": ${String(error)}`;
      await this.writeStatus({
        ...deployment.status,
        conditions: this.note('False', 'ReplicaSetCreateError', message),
      });
      throw error;
    }
    if (sizeOf(this.current) > 0) this.scaled(this.current, 0, sizeOf(this.current));
    const message = `Created new replica set "${this.current.metadata?.name}"`;
    const conditions = this.note('True', 'NewReplicaSetCreated', message);
    await this.writeStatus(
      hasDeadline(deployment) ? { ...deployment.status, conditions } : deployment.status,
      this.current.metadata?.annotations?.[REVISION],
    );
    return this.current;
  }

  /** The name is taken: by our own ReplicaSet, seen late, or by a hash collision, which the next attempt's hash avoids. */
  private async collision(wished: ReplicaSet, error: Error): Promise<ReplicaSet> {
    const { deployment } = this;
    const other = await this.objects.get(ReplicaSets, objectKey(wished));
    const ours = other && controllerOf(other.value)?.uid === deployment.metadata?.uid;
    if (ours && sameTemplate(other.value.spec?.template, deployment.spec?.template)) {
      this.current = other.value;
      return other.value;
    }
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    await this.writeStatus({ ...deployment.status, collisionCount });
    throw error;
  }

  private async resize(resizes: readonly Resize[]): Promise<boolean> {
    let moved = false;
    const sizes = new Map(resizes.map(({ replicaSet, replicas }) => [replicaSet, replicas]));
    for (const each of this.all()) {
      const before = sizeOf(each);
      const replicas = sizes.get(each) ?? before;
      const annotations = { ...each.metadata?.annotations, ...sizeAnnotations(this.deployment) };
      const noted = before === 0 && replicas === 0;
      if (replicas === before && (noted || isDeepStrictEqual(annotations, each.metadata?.annotations)))
        continue;
      await this.update(each, (draft) => {
        draft.spec!.replicas = replicas;
        draft.metadata!.annotations = { ...draft.metadata!.annotations, ...sizeAnnotations(this.deployment) };
      });
      if (replicas === before) continue;
      this.scaled(each, before, replicas);
      moved = true;
    }
    return moved;
  }

  private scaled(replicaSet: ReplicaSet, from: number, to: number): void {
    this.events.event(Deployments, this.deployment, {
      type: 'Normal',
      reason: 'ScalingReplicaSet',
      message: `Scaled ${to > from ? 'up' : 'down'} replica set ${replicaSet.metadata?.name} from ${from} to ${to}`,
    });
  }

  private async forget(): Promise<void> {
    for (const each of outOfHistory(this.deployment, this.old)) {
      try {
        await this.objects.delete(ReplicaSets, objectKey(each), { uid: each.metadata!.uid });
      } catch (error) {
        if (!isStatus(error, 'NotFound')) throw error;
      }
    }
  }

  private async report(of: typeof rolloutStatus): Promise<Outcome> {
    const now = Date.now();
    const status = of(this.deployment, this.old, this.current, now);
    await this.writeStatus(status);
    return { after: deadlineIn(this.deployment, status, now) };
  }

  private note(status: 'True' | 'False', reason: string, message: string): DeploymentCondition[] {
    return progressNote(this.deployment.status?.conditions, status, reason, message, Date.now());
  }

  /** At the revision that was read: what changed meanwhile has to be weighed anew. */
  private async update(replicaSet: ReplicaSet, change: (draft: ReplicaSet) => void): Promise<void> {
    const draft = structuredClone(replicaSet);
    change(draft);
    const { value } = await this.objects.update(ReplicaSets, draft);
    if (this.current === replicaSet) this.current = value;
    this.old = this.old.map((each) => (each === replicaSet ? value : each));
  }

  private async writeStatus(status: DeploymentStatus | undefined, revision?: string): Promise<void> {
    const { deployment } = this;
    const same = revision === undefined || deployment.metadata?.annotations?.[REVISION] === revision;
    if (same && isDeepStrictEqual(status, deployment.status)) return;
    try {
      const { value } = await this.objects.modify(Deployments, objectKey(deployment), (draft) => {
        if (draft.metadata?.uid !== deployment.metadata?.uid) return false;
        if (status) draft.status = status;
        if (revision !== undefined) {
          draft.metadata!.annotations = { ...draft.metadata!.annotations, [REVISION]: revision };
        }
        return true;
      });
      // The spec this step works on stays the one it began with.
      this.deployment = {
        ...deployment,
        status: value.status ?? {},
        metadata: { ...deployment.metadata, annotations: value.metadata?.annotations ?? {} },
      };
    } catch (error) {
      if (!isStatus(error, 'NotFound')) throw error;
    }
  }
}
