import { type LimitRange, parseQuantity, type ResourceQuota } from 'orlop/plugin';
import { each, named, oneOf, requiredName, unchanged, unique } from '../checks.ts';
import { invalid } from '../errors.ts';
import { qualifiedName } from '../names.ts';
import type { FieldError, Strategy } from '../types.ts';

const SCOPES = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
];

type Amounts = Readonly<Record<string, string>> | undefined;

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, ValidateResourceQuotaSpec. */
export const resourceQuotaStrategy: Strategy<ResourceQuota> = {
  validate: ({ spec }) => [
    ...validateAmounts(spec?.hard, 'spec.hard'),
    ...each(spec?.scopes, 'spec.scopes', (scope) => oneOf(scope, 'spec.scopes', SCOPES)),
    ...each(spec?.scopeSelector?.matchExpressions, 'spec.scopeSelector.matchExpressions', (term, at) => [
      ...oneOf(term.scopeName, `${at}.scopeName`, SCOPES),
      ...oneOf(term.operator, `${at}.operator`, ['DoesNotExist', 'Exists', 'In', 'NotIn']),
    ]),
  ],
  validateUpdate: (next, old) => unchanged(next.spec?.scopes ?? [], old.spec?.scopes ?? [], 'spec.scopes'),
};

function validateAmounts(amounts: Amounts, field: string): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, quantity]) => {
    const at = `${field}[${name}]`;
    const errors = named(name, at, qualifiedName);
    const value = parseQuantity(quantity) ?? 0;
    if (value < 0) errors.push(invalid(at, quantity, 'must be greater than or equal to 0'));
    return errors;
  });
}

/** Source: as above, ValidateLimitRange. */
export const limitRangeStrategy: Strategy<LimitRange> = {
  default({ spec }) {
    for (const limit of spec?.limits ?? []) {
      if (limit.type !== 'Container') continue;
      limit.default = { ...limit.max, ...limit.default };
      limit.defaultRequest = { ...limit.min, ...limit.default, ...limit.defaultRequest };
    }
  },
  validate({ spec }) {
    const twice = unique(({ type }: { type: string }) => type);
    return each(spec?.limits, 'spec.limits', (limit, at) => [
      ...requiredName(limit.type, `${at}.type`, qualifiedName),
      ...twice(limit, `${at}.type`),
      ...AMOUNTS.flatMap((name) => validateAmounts(limit[name], `${at}.${name}`)),
      ...ORDERED.flatMap(([small, large]) =>
        Object.entries(limit[small] ?? {}).flatMap(([name, quantity]) => {
          const most = limit[large]?.[name];
          return most !== undefined && (parseQuantity(quantity) ?? 0) > (parseQuantity(most) ?? 0)
            ? [
                invalid(
                  `${at}.${small}[${name}]`,
                  quantity,
                  `${PHRASES[small]} value ${quantity} is greater than ${PHRASES[large]} value ${most}`,
                ),
              ]
            : [];
        }),
      ),
    ]);
  },
};

const AMOUNTS = ['min', 'max', 'default', 'defaultRequest'] as const;
const ORDERED = [
  ['min', 'max'],
  ['min', 'defaultRequest'],
  ['min', 'default'],
  ['defaultRequest', 'max'],
  ['defaultRequest', 'default'],
  ['default', 'max'],
] as const;
const PHRASES = { min: 'min', max: 'max', default: 'default', defaultRequest: 'default request' };
