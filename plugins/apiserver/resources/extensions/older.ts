import type { CustomResourceDefinition } from 'orlop/plugin';
import { same } from '../checks.ts';

type Spec = NonNullable<CustomResourceDefinition['spec']>;
type Version = Spec['versions'][number];
type Column = NonNullable<Version['additionalPrinterColumns']>[number];
type OlderColumn = Omit<Column, 'jsonPath'> & { JSONPath?: string };

/** What v1beta1 says of all versions at once; in v1 each version says it. */
interface OfAllVersions {
  validation?: Version['schema'];
  subresources?: Version['subresources'];
  additionalPrinterColumns?: OlderColumn[];
}
interface OlderVersion extends Omit<Version, 'additionalPrinterColumns'> {
  additionalPrinterColumns?: OlderColumn[];
}
interface OlderSpec extends Omit<Spec, 'versions' | 'conversion' | 'scope'>, OfAllVersions {
  version?: string;
  scope?: string;
  versions?: OlderVersion[];
  conversion?: { strategy: string; webhookClientConfig?: unknown; conversionReviewVersions?: string[] };
}

/** v1beta1 did not ask for a schema. */
const ANYTHING = {
  openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
} as Version['schema'];

/** Source: apiextensions-apiserver `pkg/apis/apiextensions/{v1beta1,v1}/{conversion,defaults}.go`. */
export const definitionConversion = {
  toStorage(definition: CustomResourceDefinition): void {
    if (!definition.spec) return;
    const { version, validation, subresources, additionalPrinterColumns, conversion, ...spec } =
      definition.spec as unknown as OlderSpec;
    const versions = spec.versions ?? (version ? [{ name: version, served: true, storage: true }] : []);
    definition.spec = {
      ...spec,
      scope: spec.scope ?? 'Namespaced',
      preserveUnknownFields: spec.preserveUnknownFields ?? true,
      versions: versions.map((each: OlderVersion) => {
        const columns = each.additionalPrinterColumns ?? additionalPrinterColumns;
        const schema = each.schema ?? validation;
        return {
          ...each,
          ...withoutUndefined({ subresources: each.subresources ?? subresources }),
          schema: schema?.openAPIV3Schema ? schema : ANYTHING,
          ...(columns ? { additionalPrinterColumns: columns.map(newerColumn) } : {}),
        } as Version;
      }),
      ...(conversion ? { conversion: newerConversion(conversion) } : {}),
    };
  },

  fromStorage(definition: CustomResourceDefinition): void {
    if (!definition.spec) return;
    const { versions = [], conversion, ...spec } = definition.spec;
    const older = versions.map(({ schema, additionalPrinterColumns, ...rest }) => ({
      ...rest,
      ...(schema && !(spec.preserveUnknownFields && same(schema, ANYTHING)) ? { schema } : {}),
      ...(additionalPrinterColumns
        ? { additionalPrinterColumns: additionalPrinterColumns.map(olderColumn) }
        : {}),
    }));
    const { schema: validation, subresources, additionalPrinterColumns } = ofAll(older);
    Object.assign(definition, {
      spec: {
        ...spec,
        ...(versions[0] ? { version: versions[0].name } : {}),
        versions: older,
        ...withoutUndefined({ validation, subresources, additionalPrinterColumns }),
        ...(conversion ? { conversion: olderConversion(conversion) } : {}),
      },
    });
  },
};

const PER_VERSION = ['schema', 'subresources', 'additionalPrinterColumns'] as const;

/** Takes out of the versions what they have in common. */
function ofAll(versions: OlderVersion[]): Partial<OlderVersion> {
  const common: Partial<OlderVersion> = {};
  for (const field of PER_VERSION) {
    const [first] = versions;
    if (first?.[field] === undefined || !versions.every((each) => same(each[field], first[field]))) continue;
    Object.assign(common, { [field]: first[field] });
    for (const each of versions) delete each[field];
  }
  return common;
}

function newerColumn({ JSONPath = '', ...column }: OlderColumn): Column {
  return { ...column, jsonPath: JSONPath };
}

function olderColumn({ jsonPath, ...column }: Column): OlderColumn {
  return { ...column, JSONPath: jsonPath };
}

function newerConversion(conversion: NonNullable<OlderSpec['conversion']>): NonNullable<Spec['conversion']> {
  const { strategy, webhookClientConfig: clientConfig, conversionReviewVersions } = conversion;
  if (strategy !== 'Webhook') return { strategy };
  // v1beta1's default.
  const webhook = withoutUndefined({
    clientConfig,
    conversionReviewVersions: conversionReviewVersions ?? ['v1beta1'],
  });
  return { strategy, webhook } as NonNullable<Spec['conversion']>;
}

function olderConversion({ strategy, webhook }: NonNullable<Spec['conversion']>): OlderSpec['conversion'] {
  const { clientConfig: webhookClientConfig, conversionReviewVersions } = webhook ?? {};
  return { strategy, ...withoutUndefined({ webhookClientConfig, conversionReviewVersions }) };
}

function withoutUndefined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
