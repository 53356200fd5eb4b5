import { type PodSpec, parseQuantity } from 'orlop/plugin';

const COMPUTE = ['cpu', 'memory'];

/** Source: kubernetes `component-helpers/resource` and `apis/core/v1/helper/qos`. */
export function qosClass(spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const given = (list: Record<string, string> | undefined, name: string): number =>
    parseQuantity(list?.[name] ?? '0') ?? 0;
  const any = containers.some(({ resources }) =>
    COMPUTE.some((name) => given(resources?.requests, name) > 0 || given(resources?.limits, name) > 0),
  );
  if (!any) return 'BestEffort';
  const guaranteed = containers.every(({ resources }) =>
    COMPUTE.every((name) => {
      const limit = given(resources?.limits, name);
      return (
        limit > 0 && (resources?.requests?.[name] === undefined || given(resources.requests, name) === limit)
      );
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
