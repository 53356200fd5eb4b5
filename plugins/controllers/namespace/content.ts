import {
  Events,
  type KubeObject,
  type Namespace,
  OBJECT_RESOURCES,
  qualifiedResource,
  type Resource,
  withCondition,
} from 'orlop/plugin';

/** Everything that lives in a namespace; those that make others come first. */
export const RESOURCES: readonly Resource<KubeObject>[] = [
  ...OBJECT_RESOURCES.filter(({ namespaced }) => namespaced),
  Events,
];

/** What is still in a namespace after all that can be deleted was. */
export interface Remaining {
  /** By the resource's qualified name. */
  resources: Map<string, number>;
  finalizers: Map<string, number>;
  failures: string[];
}

export function noteRemaining(remaining: Remaining, resource: Resource, object: KubeObject): void {
  const name = resource.group === '' ? `${resource.resource}.` : qualifiedResource(resource);
  remaining.resources.set(name, (remaining.resources.get(name) ?? 0) + 1);
  for (const finalizer of object.metadata?.finalizers ?? []) {
    remaining.finalizers.set(finalizer, (remaining.finalizers.get(finalizer) ?? 0) + 1);
  }
}

type Conditions = NonNullable<NonNullable<Namespace['status']>['conditions']>;

/** Says what a deletion waits for. Source: upstream's namespace `status_condition_utils`. */
export function deletionConditions(conditions: Conditions, remaining: Remaining): Conditions {
  const { resources, finalizers, failures } = remaining;
  const list = (counts: Map<string, number>, text: (name: string, count: number) => string): string =>
    [...counts].map(([name, count]) => text(name, count)).join(', ');
  let next: readonly Conditions[number][] = conditions;
  next = withCondition(
    next,
    failures.length > 0
      ? {
          type: 'NamespaceDeletionContentFailure',
          status: 'True',
          reason: 'ContentDeletionFailed',
          message: `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(', ')}`,
        }
      : {
          type: 'NamespaceDeletionContentFailure',
          status: 'False',
          reason: 'ContentDeleted',
          message: 'All content successfully deleted, may be waiting on finalization',
        },
  );
  next = withCondition(
    next,
    resources.size > 0
      ? {
          type: 'NamespaceContentRemaining',
          status: 'True',
          reason: 'SomeResourcesRemain',
          message: `Some resources are remaining: ${list(resources, (name, count) => `${name} has ${count} resource instances`)}`,
        }
      : {
          type: 'NamespaceContentRemaining',
          status: 'False',
          reason: 'ContentRemoved',
          message: 'All content successfully removed',
        },
  );
  next = withCondition(
    next,
    finalizers.size > 0
      ? {
          type: 'NamespaceFinalizersRemaining',
          status: 'True',
          reason: 'SomeFinalizersRemain',
          message: `Some content in the namespace has finalizers remaining: ${list(finalizers, (name, count) => `${name} in ${count} resource instances`)}`,
        }
      : {
          type: 'NamespaceFinalizersRemaining',
          status: 'False',
          reason: 'ContentHasNoFinalizers',
          message: 'All content-preserving finalizers finished',
        },
  );
  return next === conditions ? conditions : [...next];
}
