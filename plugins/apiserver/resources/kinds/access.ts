import type { KubeObject, Resource } from 'orlop/plugin';
import { row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

/** Questions about the asker: created, answered in the response, never kept. */
function question(group: string, kind: string, namespaced = false): ResourceRow {
  const resource: Resource<KubeObject> = {
    group,
    version: 'v1',
    resource: `${kind.toLowerCase()}s`,
    kind,
    namespaced,
  };
  return row(resource, { verbs: ['create'], stored: false });
}

export const accessRows: readonly ResourceRow[] = [
  question('authentication.k8s.io', 'SelfSubjectReview'),
  question('authorization.k8s.io', 'SelfSubjectAccessReview'),
  question('authorization.k8s.io', 'SelfSubjectRulesReview'),
];
