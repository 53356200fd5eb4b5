/** Labels of nodes that have a newer name. Source: kubernetes `pkg/api/node/util.go`. */
const DEPRECATED: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region':
    'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone':
    'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type':
    'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};

export function deprecatedLabel(key: string, say: (message: string) => string): string[] {
  return Object.hasOwn(DEPRECATED, key) ? [say(DEPRECATED[key]!)] : [];
}

/** Warnings for one term of a node selector. */
export function labelsOfTerm(
  term: { matchExpressions?: readonly { key: string }[] } | undefined,
  field: string,
): string[] {
  return (term?.matchExpressions ?? []).flatMap(({ key }, i) =>
    deprecatedLabel(key, (message) => `${field}.matchExpressions[${i}].key: ${key} is ${message}`),
  );
}
