import type { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from 'orlop/plugin';
import { each, optionalOneOf, requiredName } from '../checks.ts';
import { required } from '../errors.ts';
import { pathSegment } from '../names.ts';
import type { FieldError, Strategy } from '../types.ts';
import { defaultMatching, validateRule } from './matching.ts';

/** Source: kubernetes `pkg/apis/admissionregistration/v1/defaults.go` and `.../validation/validation.go`. */
export const admissionPolicyStrategy: Strategy<ValidatingAdmissionPolicy> = {
  default({ spec }) {
    if (!spec) return;
    spec.failurePolicy ??= 'Fail';
    if (spec.matchConstraints) defaultMatching(spec.matchConstraints, spec.matchConstraints.resourceRules);
  },
  validate: validatePolicy,
};

function validatePolicy({ spec }: ValidatingAdmissionPolicy): FieldError[] {
  const { matchConstraints, validations = [], auditAnnotations = [], paramKind, failurePolicy } = spec ?? {};
  const rules = matchConstraints?.resourceRules ?? [];
  return [
    ...optionalOneOf(failurePolicy, 'spec.failurePolicy', ['Fail', 'Ignore']),
    ...(paramKind
      ? [
          ...requiredName(paramKind.apiVersion, 'spec.paramKind.apiVersion'),
          ...requiredName(paramKind.kind, 'spec.paramKind.kind'),
        ]
      : []),
    ...(matchConstraints ? [] : [required('spec.matchConstraints')]),
    ...(matchConstraints && rules.length === 0 ? [required('spec.matchConstraints.resourceRules')] : []),
    ...each(rules, 'spec.matchConstraints.resourceRules', validateRule),
    ...(validations.length === 0 && auditAnnotations.length === 0
      ? [
          required('spec.validations', 'validations or auditAnnotations must be set'),
          required('spec.auditAnnotations', 'validations or auditAnnotations must be set'),
        ]
      : []),
    ...each(validations, 'spec.validations', ({ expression = '' }, at) =>
      expression.trim() === '' ? [required(`${at}.expression`, 'expression is not specified')] : [],
    ),
    ...each(auditAnnotations, 'spec.auditAnnotations', ({ key, valueExpression }, at) => [
      ...requiredName(key, `${at}.key`),
      ...requiredName(valueExpression, `${at}.valueExpression`),
    ]),
  ];
}

const ACTIONS = ['Audit', 'Deny', 'Warn'];

export const admissionPolicyBindingStrategy: Strategy<ValidatingAdmissionPolicyBinding> = {
  default({ spec }) {
    if (spec?.matchResources) defaultMatching(spec.matchResources, spec.matchResources.resourceRules);
  },
  validate({ spec }) {
    const { policyName, validationActions = [], paramRef } = spec ?? {};
    return [
      ...requiredName(policyName, 'spec.policyName', pathSegment),
      ...(paramRef && !paramRef.name === !paramRef.selector
        ? [required('spec.paramRef.name', 'one of name or selector must be specified')]
        : []),
      ...(validationActions.length === 0
        ? [required('spec.validationActions', 'at least one validation action is required')]
        : []),
      ...each(validationActions, 'spec.validationActions', (action, at) =>
        optionalOneOf(action, at, ACTIONS),
      ),
    ];
  },
};
