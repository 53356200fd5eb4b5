import type { Pod, PodSpec } from 'orlop/plugin';
import { same } from '../checks.ts';
import { duplicate, forbidden, missing } from '../errors.ts';
import type { FieldError, PartStrategy } from '../types.ts';
import { type ContainerContext, validateContainer } from './containers.ts';

export type EphemeralContainer = NonNullable<PodSpec['ephemeralContainers']>[number];

/** Source: kubernetes `allowedEphemeralContainerFields`; nothing that would make the pod depend on it. */
const ALLOWED = new Set([
  'name',
  'image',
  'command',
  'args',
  'workingDir',
  'envFrom',
  'env',
  'volumeMounts',
  'volumeDevices',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'imagePullPolicy',
  'securityContext',
  'stdin',
  'stdinOnce',
  'tty',
  'targetContainerName',
]);
const CANNOT = 'cannot be set for an Ephemeral Container';

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, validateEphemeralContainers. */
export function validateEphemeralContainers(
  spec: PodSpec,
  field: string,
  context: ContainerContext,
): FieldError[] {
  const others = new Set(
    [...(spec.initContainers ?? []), ...(spec.containers ?? [])].map(({ name }) => name),
  );
  const seen = new Set(others);
  return (spec.ephemeralContainers ?? []).flatMap((container, index) => {
    const at = `${field}[${index}]`;
    const { name, targetContainerName: target, volumeMounts = [] } = container;
    const errors = validateContainer(container, at, context);
    if (seen.has(name)) errors.push(duplicate(`${at}.name`, name));
    seen.add(name);
    if (target && !others.has(target)) errors.push(missing(`${at}.targetContainerName`, target));
    for (const [key, value] of Object.entries(container)) {
      if (!ALLOWED.has(key) && !isEmpty(value)) errors.push(forbidden(`${at}.${key}`, CANNOT));
    }
    for (const [mount, { subPath, subPathExpr }] of volumeMounts.entries()) {
      if (subPath) errors.push(forbidden(`${at}.volumeMounts[${mount}].subPath`, CANNOT));
      if (subPathExpr) errors.push(forbidden(`${at}.volumeMounts[${mount}].subPathExpr`, CANNOT));
    }
    return errors;
  });
}

function isEmpty(value: unknown): boolean {
  return value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);
}

/** Ephemeral containers are only ever added. Source: podEphemeralContainersStrategy, ValidatePodEphemeralContainersUpdate. */
export const ephemeralContainersPart: PartStrategy<Pod> = {
  take(next, { spec: wanted }) {
    const { ephemeralContainers: _, ...spec } = next.spec!;
    const containers = wanted?.ephemeralContainers;
    next.spec = containers ? { ...spec, ephemeralContainers: containers } : spec;
  },
  validate({ spec: next }, { spec: old }) {
    const byName = new Map((next?.ephemeralContainers ?? []).map((each) => [each.name, each]));
    return (old?.ephemeralContainers ?? []).flatMap((each) => {
      const kept = byName.get(each.name);
      if (kept && same(kept, each)) return [];
      const what = `existing ephemeral containers "${each.name}" may not be ${kept ? 'changed' : 'removed'}`;
      return [forbidden('spec.ephemeralContainers', what)];
    });
  },
};
