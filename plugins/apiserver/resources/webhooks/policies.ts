import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from 'orlop/plugin';
import { each, oneOf, optionalOneOf, requiredName } from '../checks.ts';
import { required } from '../errors.ts';
import { pathSegment } from '../names.ts';
import type { FieldError, Strategy } from '../types.ts';
import { defaultMatching, validateRule } from './matching.ts';

type Policy = ValidatingAdmissionPolicy | MutatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding;

function defaultPolicy({ spec }: Policy): void {
  if (!spec) return;
  spec.failurePolicy ??= 'Fail';
  if (spec.matchConstraints) defaultMatching(spec.matchConstraints, spec.matchConstraints.resourceRules);
}

/** What policies of both sorts have. */
function validateMatching({ spec }: Policy): FieldError[] {
  const { matchConstraints, paramKind, failurePolicy } = spec ?? {};
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
  ];
}

function notEmpty(expression: string | undefined, field: string): FieldError[] {
  return (expression ?? '').trim() === '' ? [required(field, 'expression is not specified')] : [];
}

/** Source of all: kubernetes `pkg/apis/admissionregistration/v1/defaults.go` and `.../validation/validation.go`. */
export const admissionPolicyStrategy: Strategy<ValidatingAdmissionPolicy> = {
  default: defaultPolicy,
  validate(policy) {
    const { validations = [], auditAnnotations = [] } = policy.spec ?? {};
    return [
      ...validateMatching(policy),
      ...(validations.length === 0 && auditAnnotations.length === 0
        ? [
            required('spec.validations', 'validations or auditAnnotations must be set'),
            required('spec.auditAnnotations', 'validations or auditAnnotations must be set'),
          ]
        : []),
      ...each(validations, 'spec.validations', ({ expression }, at) =>
        notEmpty(expression, `${at}.expression`),
      ),
      ...each(auditAnnotations, 'spec.auditAnnotations', ({ key, valueExpression }, at) => [
        ...requiredName(key, `${at}.key`),
        ...requiredName(valueExpression, `${at}.valueExpression`),
      ]),
    ];
  },
};

const PATCHES = { ApplyConfiguration: 'applyConfiguration', JSONPatch: 'jsonPatch' } as const;

export const mutatingPolicyStrategy: Strategy<MutatingAdmissionPolicy> = {
  default(policy) {
    defaultPolicy(policy);
    if (policy.spec) policy.spec.reinvocationPolicy ??= 'Never';
  },
  validate(policy) {
    const { mutations = [], reinvocationPolicy } = policy.spec ?? {};
    return [
      ...validateMatching(policy),
      ...(mutations.length === 0
        ? [required('spec.mutations', 'mutations must contain at least one item')]
        : []),
      ...each(mutations, 'spec.mutations', (mutation, at) => {
        const wrong = oneOf(mutation.patchType, `${at}.patchType`, Object.keys(PATCHES));
        if (wrong.length > 0) return wrong;
        const field = PATCHES[mutation.patchType as keyof typeof PATCHES];
        const patch = mutation[field];
        return patch
          ? notEmpty(patch.expression, `${at}.${field}.expression`)
          : [required(`${at}.${field}`, `must be specified when patchType is ${mutation.patchType}`)];
      }),
      ...oneOf(reinvocationPolicy, 'spec.reinvocationPolicy', ['IfNeeded', 'Never']),
    ];
  },
};

function defaultBinding({ spec }: Binding): void {
  if (spec?.matchResources) defaultMatching(spec.matchResources, spec.matchResources.resourceRules);
}

function validateBinding({ spec }: Binding): FieldError[] {
  const { policyName, paramRef } = spec ?? {};
  return [
    ...requiredName(policyName, 'spec.policyName', pathSegment),
    ...(paramRef && !paramRef.name === !paramRef.selector
      ? [required('spec.paramRef.name', 'one of name or selector must be specified')]
      : []),
  ];
}

const ACTIONS = ['Audit', 'Deny', 'Warn'];

export const admissionPolicyBindingStrategy: Strategy<ValidatingAdmissionPolicyBinding> = {
  default: defaultBinding,
  validate(binding) {
    const { validationActions = [] } = binding.spec ?? {};
    return [
      ...validateBinding(binding),
      ...(validationActions.length === 0
        ? [required('spec.validationActions', 'at least one validation action is required')]
        : []),
      ...each(validationActions, 'spec.validationActions', (action, at) =>
        optionalOneOf(action, at, ACTIONS),
      ),
    ];
  },
};

export const mutatingPolicyBindingStrategy: Strategy<MutatingAdmissionPolicyBinding> = {
  default: defaultBinding,
  validate: validateBinding,
};
