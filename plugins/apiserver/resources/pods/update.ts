import type { Pod, PodSpec } from 'orlop/plugin';
import { same } from '../checks.ts';
import { forbidden } from '../errors.ts';
import type { FieldError } from '../types.ts';

const CHANGEABLE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, ValidatePodUpdate. */
export function validatePodUpdate(next: Pod, old: Pod): FieldError[] {
  const [after, before] = [next.spec, old.spec];
  if (!after || !before) return [];
  const errors: FieldError[] = [];
  for (const list of ['containers', 'initContainers'] as const) {
    if ((after[list] ?? []).length !== (before[list] ?? []).length) {
      return [forbidden(`spec.${list}`, 'pod updates may not add or remove containers')];
    }
  }
  const kept = (before.tolerations ?? []).every((each) =>
    (after.tolerations ?? []).some((other) =>
      same({ ...each, tolerationSeconds: 0 }, { ...other, tolerationSeconds: 0 }),
    ),
  );
  if (!kept)
    errors.push(
      forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'),
    );
  const changed = changedFields(fixedPart(after), fixedPart(before));
  if (changed.length > 0) errors.push(forbidden('spec', `${CHANGEABLE}; changed: ${changed.join(', ')}`));
  return errors;
}

/** The spec without what an update may change. */
function fixedPart(spec: PodSpec): PodSpec {
  const { activeDeadlineSeconds: _a, tolerations: _t, schedulingGates: _g, ...rest } = spec;
  const withoutImage = (containers: PodSpec['containers'] | undefined): PodSpec['containers'] =>
    (containers ?? []).map((container) => ({ ...container, image: '' }));
  return {
    ...rest,
    containers: withoutImage(spec.containers),
    initContainers: withoutImage(spec.initContainers),
  };
}

function changedFields(after: PodSpec, before: PodSpec): string[] {
  const names = new Set([...Object.keys(after), ...Object.keys(before)]) as Set<keyof PodSpec>;
  return [...names].filter((name) => !same(after[name], before[name])).map((name) => `spec.${name}`);
}
