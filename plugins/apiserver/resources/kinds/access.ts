import type { KubeObject } from 'orlop/plugin';
import { forbidden, invalid } from '../errors.ts';
import { row } from '../row.ts';
import type { FieldError, ResourceRow, Strategy } from '../types.ts';

/** Something asked: created, answered in the response, never kept. */
function question(
  group: string,
  kind: string,
  strategy: Strategy<Access> = {},
  namespaced = false,
): ResourceRow {
  const resource = { group, version: 'v1', resource: `${kind.toLowerCase()}s`, kind, namespaced };
  return row<Access>(resource, { verbs: ['create'], source: 'review', strategy });
}

/** May somebody do something? The common part of the access reviews. */
export interface Access extends KubeObject {
  spec?: {
    user?: string;
    groups?: string[];
    uid?: string;
    /** Of a TokenReview. */
    token?: string;
    audiences?: string[];
    /** Of a SelfSubjectRulesReview. */
    namespace?: string;
    resourceAttributes?: {
      verb?: string;
      group?: string;
      resource?: string;
      subresource?: string;
      namespace?: string;
      name?: string;
    };
    nonResourceAttributes?: { verb?: string; path?: string };
  };
}

/** Source: kubernetes `pkg/apis/authorization/validation/validation.go`. */
function validateAttributes({ spec }: Access): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = spec ?? {};
  if (resourceAttributes && nonResourceAttributes) {
    return [
      invalid(
        'spec.nonResourceAttributes',
        nonResourceAttributes,
        'cannot be specified in combination with resourceAttributes',
      ),
    ];
  }
  return resourceAttributes || nonResourceAttributes
    ? []
    : [
        invalid(
          'spec.resourceAttributes',
          null,
          'exactly one of nonResourceAttributes or resourceAttributes must be specified',
        ),
      ];
}

function validateAbout(access: Access): FieldError[] {
  const { user = '', groups = [] } = access.spec ?? {};
  const somebody = user !== '' || groups.length > 0;
  return [
    ...validateAttributes(access),
    ...(somebody ? [] : [invalid('spec.user', user, 'at least one of user or group must be specified')]),
  ];
}

function validateLocal(access: Access): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = access.spec ?? {};
  const errors = validateAbout(access);
  const own = access.metadata?.namespace ?? '';
  const asked = resourceAttributes?.namespace ?? '';
  if (resourceAttributes && asked !== own) {
    errors.push(invalid('spec.resourceAttributes.namespace', asked, `must match metadata.namespace`));
  }
  if (nonResourceAttributes) {
    errors.push(forbidden('spec.nonResourceAttributes', 'disallowed on this kind of request'));
  }
  return errors;
}

const AUTHENTICATION = 'authentication.k8s.io';
const AUTHORIZATION = 'authorization.k8s.io';

export const accessRows: readonly ResourceRow[] = [
  question(AUTHENTICATION, 'SelfSubjectReview'),
  question(AUTHENTICATION, 'TokenReview'),
  question(AUTHORIZATION, 'SelfSubjectAccessReview', { validate: validateAttributes }),
  question(AUTHORIZATION, 'SelfSubjectRulesReview'),
  question(AUTHORIZATION, 'SubjectAccessReview', { validate: validateAbout }),
  question(AUTHORIZATION, 'LocalSubjectAccessReview', { validate: validateLocal }, true),
];
