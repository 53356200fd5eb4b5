import type { HorizontalPodAutoscaler } from 'orlop/plugin';
import { each, nonNegative, oneOf, optionalOneOf, positive, requiredName } from '../checks.ts';
import { invalid, required } from '../errors.ts';
import { pathSegment } from '../names.ts';
import type { FieldError, Strategy } from '../types.ts';

type Spec = NonNullable<HorizontalPodAutoscaler['spec']>;
type Metric = NonNullable<Spec['metrics']>[number];
type Rules = NonNullable<NonNullable<Spec['behavior']>['scaleUp']>;

/** Source: kubernetes `pkg/apis/autoscaling/v2/defaults.go`. */
function defaultAutoscaler({ spec }: HorizontalPodAutoscaler): void {
  if (!spec) return;
  spec.minReplicas ??= 1;
  if ((spec.metrics ?? []).length === 0) {
    spec.metrics = [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
      },
    ];
  }
  if (!spec.behavior) return;
  const { scaleUp, scaleDown } = spec.behavior;
  spec.behavior = {
    scaleUp: {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [
        { type: 'Pods', value: 4, periodSeconds: 15 },
        { type: 'Percent', value: 100, periodSeconds: 15 },
      ],
      ...scaleUp,
    },
    scaleDown: {
      selectPolicy: 'Max',
      policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
      ...scaleDown,
    },
  };
}

const SOURCES = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
} as const;

/** Source: kubernetes `pkg/apis/autoscaling/validation/validation.go`. */
function validateAutoscaler({ spec }: HorizontalPodAutoscaler): FieldError[] {
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics, behavior } = spec ?? {};
  const errors: FieldError[] = [];
  if (minReplicas !== undefined && minReplicas < 1) {
    errors.push(invalid('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'));
  }
  errors.push(...positive(maxReplicas, 'spec.maxReplicas'));
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
  }
  return [
    ...errors,
    ...requiredName(scaleTargetRef?.kind, 'spec.scaleTargetRef.kind', pathSegment),
    ...requiredName(scaleTargetRef?.name, 'spec.scaleTargetRef.name', pathSegment),
    ...each(metrics, 'spec.metrics', validateMetric),
    ...validateRules(behavior?.scaleUp, 'spec.behavior.scaleUp'),
    ...validateRules(behavior?.scaleDown, 'spec.behavior.scaleDown'),
  ];
}

function validateMetric(metric: Metric, field: string): FieldError[] {
  if (!metric.type) return [required(`${field}.type`, 'must specify a metric source type')];
  const wrong = oneOf(metric.type, `${field}.type`, Object.keys(SOURCES));
  if (wrong.length > 0) return wrong;
  const name = SOURCES[metric.type as keyof typeof SOURCES];
  const source = metric[name];
  const at = `${field}.${name}`;
  if (!source) {
    return [required(at, `must populate information for the given metric source`)];
  }
  const errors =
    'target' in source && source.target
      ? validateTarget(source.target, `${at}.target`)
      : [required(`${at}.target.type`, 'must specify a metric target type')];
  if (name === 'resource' || name === 'containerResource') {
    errors.push(...requiredName((source as { name?: string }).name, `${at}.name`));
  }
  return errors;
}

type Target = NonNullable<NonNullable<Metric['resource']>['target']>;

function validateTarget(target: Target, field: string): FieldError[] {
  return [
    ...oneOf(target.type, `${field}.type`, ['AverageValue', 'Utilization', 'Value']),
    ...positive(target.averageUtilization, `${field}.averageUtilization`),
  ];
}

const MAX_WINDOW = 3600;
const MAX_PERIOD = 1800;

function validateRules(rules: Rules | undefined, field: string): FieldError[] {
  if (!rules) return [];
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [] } = rules;
  const errors = nonNegative(window, `${field}.stabilizationWindowSeconds`);
  if (window !== undefined && window > MAX_WINDOW) {
    errors.push(
      invalid(`${field}.stabilizationWindowSeconds`, window, `must be less than or equal to ${MAX_WINDOW}`),
    );
  }
  if (policies.length === 0) errors.push(required(`${field}.policies`, 'must specify at least one Policy'));
  return [
    ...errors,
    ...optionalOneOf(selectPolicy, `${field}.selectPolicy`, ['Disabled', 'Max', 'Min']),
    ...each(policies, `${field}.policies`, ({ type, value = 0, periodSeconds = 0 }, at) => [
      ...oneOf(type, `${at}.type`, ['Percent', 'Pods']),
      ...positive(value, `${at}.value`),
      ...positive(periodSeconds, `${at}.periodSeconds`),
      ...(periodSeconds > MAX_PERIOD
        ? [invalid(`${at}.periodSeconds`, periodSeconds, `must be less than or equal to ${MAX_PERIOD}`)]
        : []),
    ]),
  ];
}

export const autoscalerStrategy: Strategy<HorizontalPodAutoscaler> = {
  default: defaultAutoscaler,
  validate: validateAutoscaler,
};
