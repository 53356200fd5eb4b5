import type { Container, Pod } from 'orlop/plugin';
import { same } from '../checks.ts';
import { forbidden, invalid } from '../errors.ts';
import type { FieldError, PartStrategy } from '../types.ts';
import { qosClass } from './qos.ts';

const COMPUTE = ['cpu', 'memory'];
type Lists = 'requests' | 'limits';

/**
 * In-place resize: CPU and memory of containers that run, and what they do about it. Source: kubernetes podResizeStrategy,
 * ValidatePodResize.
 */
export const resizePart: PartStrategy<Pod> = {
  take({ spec }, { spec: wanted }) {
    for (const list of ['containers', 'initContainers'] as const) {
      for (const container of spec?.[list] ?? []) {
        const asked = wanted?.[list]?.find(({ name }) => name === container.name);
        if (!asked) continue;
        for (const field of ['resources', 'resizePolicy'] as const) {
          if (asked[field] === undefined) delete container[field];
          else Object.assign(container, { [field]: asked[field] });
        }
      }
    }
  },
  validate({ spec: next, status }, { spec: old }) {
    if (!next || !old) return [];
    const errors: FieldError[] = [];
    if (qosClass(next) !== qosClass(old)) {
      errors.push(
        invalid('spec', status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'),
      );
    }
    for (const list of ['containers', 'initContainers'] as const) {
      for (const [index, before] of (old[list] ?? []).entries()) {
        const after = next[list]![index]!;
        const at = `spec.${list}[${index}]`;
        if (list === 'initContainers' && before.restartPolicy !== 'Always') {
          if (!same(after, before))
            errors.push(forbidden(at, 'resources for non-sidecar init containers are immutable'));
          continue;
        }
        for (const kind of ['requests', 'limits'] as const) {
          if (isRemoved(after, before, kind))
            errors.push(forbidden(`${at}.resources.${kind}`, `resource ${kind} cannot be removed`));
        }
        if (!same(others(after), others(before)))
          errors.push(forbidden('spec', 'only cpu and memory resources are mutable'));
      }
    }
    return errors;
  },
};

function isRemoved(next: Container, old: Container, kind: Lists): boolean {
  return COMPUTE.some(
    (name) => old.resources?.[kind]?.[name] !== undefined && next.resources?.[kind]?.[name] === undefined,
  );
}

/** What is neither CPU nor memory. */
function others({ resources, resizePolicy }: Container): object {
  const without = (list: Record<string, string> = {}): object =>
    Object.fromEntries(Object.entries(list).filter(([name]) => !COMPUTE.includes(name)));
  const { requests, limits, ...rest } = resources ?? {};
  return { ...rest, resizePolicy, requests: without(requests), limits: without(limits) };
}
