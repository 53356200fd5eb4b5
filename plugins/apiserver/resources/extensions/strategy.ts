import type { APIService, CustomResourceDefinition } from 'orlop/plugin';
import { each, oneOf, requiredName, unchanged, unique } from '../checks.ts';
import { invalid, required } from '../errors.ts';
import { dns1035Label, dns1123Subdomain } from '../names.ts';
import type { FieldError, Strategy } from '../types.ts';

/** Source: apiextensions-apiserver `pkg/apis/apiextensions/v1/defaults.go`, `.../validation/validation.go` and its registry's strategy. */
export const definitionStrategy: Strategy<CustomResourceDefinition> = {
  default({ spec }) {
    if (!spec) return;
    if (spec.names?.kind) {
      spec.names.singular ||= spec.names.kind.toLowerCase();
      spec.names.listKind ||= `${spec.names.kind}List`;
    }
    spec.conversion ??= { strategy: 'None' };
    for (const { additionalPrinterColumns } of spec.versions ?? []) {
      for (const column of additionalPrinterColumns ?? []) column.priority ??= 0;
    }
  },
  prepareForCreate(definition) {
    const stored = definition.spec?.versions?.find(({ storage }) => storage)?.name;
    Object.assign(definition, {
      status: {
        conditions: [],
        acceptedNames: { plural: '', kind: '' },
        storedVersions: stored === undefined ? [] : [stored],
      },
    });
  },
  // What was stored in one version must be found again.
  prepareForUpdate(next, old) {
    const stored = next.spec?.versions?.find(({ storage }) => storage)?.name;
    const before = old.status?.storedVersions ?? [];
    if (stored === undefined || before.includes(stored) || !next.status) return;
    next.status = { ...next.status, storedVersions: [...before, stored] };
  },
  validate: validateDefinition,
  validateUpdate: (next, old) => [
    ...unchanged(next.spec?.group, old.spec?.group, 'spec.group'),
    ...unchanged(next.spec?.scope, old.spec?.scope, 'spec.scope'),
    ...unchanged(next.spec?.names?.plural, old.spec?.names?.plural, 'spec.names.plural'),
    ...unchanged(next.spec?.names?.kind, old.spec?.names?.kind, 'spec.names.kind'),
  ],
};

function validateDefinition({ metadata, spec }: CustomResourceDefinition): FieldError[] {
  const { group, names, scope, versions = [], conversion } = spec ?? {};
  const errors: FieldError[] = [];
  const name = metadata?.name ?? '';
  if (name !== `${names?.plural}.${group}`) {
    errors.push(invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group'));
  }
  const twice = unique((version: { name: string }) => version.name);
  const storage = versions.filter((version) => version.storage);
  const listed = versions.map((version) => version.name);
  if (storage.length !== 1) {
    errors.push(invalid('spec.versions', listed, 'must have exactly one version marked as storage version'));
  }
  return [
    ...errors,
    ...requiredName(group, 'spec.group', dns1123Subdomain),
    ...(group && group.split('.').length < 2
      ? [invalid('spec.group', group, 'should be a domain with at least one dot')]
      : []),
    ...oneOf(scope, 'spec.scope', ['Cluster', 'Namespaced']),
    ...each(versions, 'spec.versions', (version, at) => [
      ...requiredName(version.name, `${at}.name`, dns1035Label),
      ...twice(version, `${at}.name`),
      ...(version.schema?.openAPIV3Schema
        ? []
        : [required(`${at}.schema.openAPIV3Schema`, 'schemas are required')]),
    ]),
    ...requiredName(names?.plural, 'spec.names.plural', dns1035Label),
    ...requiredName(names?.singular, 'spec.names.singular', dns1035Label),
    ...requiredName(names?.kind, 'spec.names.kind', (kind) => dns1035Label(kind.toLowerCase())),
    ...requiredName(names?.listKind, 'spec.names.listKind', (kind) => dns1035Label(kind.toLowerCase())),
    ...each(names?.shortNames, 'spec.names.shortNames', (short, at) => requiredName(short, at, dns1035Label)),
    ...each(names?.categories, 'spec.names.categories', (category, at) =>
      requiredName(category, at, dns1035Label),
    ),
    ...oneOf(conversion?.strategy, 'spec.conversion.strategy', ['None', 'Webhook']),
  ];
}

/** Source: kube-aggregator `pkg/apis/apiregistration/validation/validation.go`. */
export const apiServiceStrategy: Strategy<APIService> = {
  default({ spec }) {
    if (spec?.service) spec.service.port ??= 443;
  },
  validate({ metadata, spec }) {
    const { group = '', version = '', groupPriorityMinimum = 0, versionPriority = 0, service } = spec ?? {};
    const name = metadata?.name ?? '';
    const expected = `${version}.${group}`;
    return [
      ...(name === expected
        ? []
        : [
            invalid(
              'metadata.name',
              name,
              `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(expected)}`,
            ),
          ]),
      ...requiredName(version, 'spec.version', dns1035Label),
      ...priority(groupPriorityMinimum, 'spec.groupPriorityMinimum', 20_000),
      ...priority(versionPriority, 'spec.versionPriority', 1_000),
      ...(service
        ? [
            ...requiredName(service.namespace, 'spec.service.namespace'),
            ...requiredName(service.name, 'spec.service.name'),
          ]
        : []),
      ...(spec?.insecureSkipTLSVerify && spec.caBundle
        ? [invalid('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present')]
        : []),
    ];
  },
};

function priority(value: number, field: string, most: number): FieldError[] {
  return value > 0 && value <= most ? [] : [invalid(field, value, `must be positive and less than ${most}`)];
}
