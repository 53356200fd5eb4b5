import { apiVersionOf, type KubeObject } from 'orlop/plugin';
import type { Column, GroupVersionKind, ResourceRow, Strategy, Subresource } from './types.ts';

type Conversion<T extends KubeObject> = NonNullable<ResourceRow<T>['conversion']>;

/** Kubernetes minors. */
export interface Lifecycle {
  readonly deprecated: number;
  /** Absent: never yet. */
  readonly removed?: number;
}

/** Source: apiserver `endpoints/deprecation.WarningMessage`. */
export function deprecation(
  kind: GroupVersionKind,
  { deprecated, removed }: Lifecycle,
  replacement: GroupVersionKind,
): string {
  const end = removed === undefined ? '' : `, unavailable in v1.${removed}+`;
  return `${apiVersionOf(kind)} ${kind.kind} is deprecated in v1.${deprecated}+${end}; use ${apiVersionOf(replacement)} ${replacement.kind}`;
}

/**
 * The row of an older version of the same objects, in another group if `version` names one (`extensions/v1beta1`). All that is
 * written for the newer row is applied to the newer form; without a `conversion` the two differ in `apiVersion` only.
 */
export function olderVersion<T extends KubeObject>(
  newer: ResourceRow,
  version: string,
  conversion?: Conversion<T>,
  lifecycle?: Lifecycle,
): ResourceRow {
  const [group, number] = version.includes('/')
    ? (version.split('/') as [string, string])
    : [newer.group, version];
  const older = {
    ...newer,
    group,
    version: number,
    // kubectl warns of a short name that two groups have.
    shortNames: group === newer.group ? newer.shortNames : [],
    subresources: newer.subresources.map(renamed),
    ...(lifecycle
      ? { deprecation: deprecation({ group, version: number, kind: newer.kind }, lifecycle, newer) }
      : {}),
  };
  if (!conversion) return older;
  const { fromStorage, toStorage } = conversion as unknown as Conversion<KubeObject>;
  return {
    ...older,
    conversion: { fromStorage, toStorage },
    strategy: throughNewer(newer.strategy, { fromStorage, toStorage }),
    columns: newer.columns.map((column) => ({ ...column, value: reading(column.value) })),
    fieldSelectors: Object.fromEntries(
      Object.entries(newer.fieldSelectors).map(([label, value]) => [
        label,
        (object: KubeObject) => value(inNewer(object)),
      ]),
    ),
  };

  function renamed(subresource: Subresource): Subresource {
    const own = subresource.group === newer.group && subresource.version === newer.version;
    return own ? { ...subresource, group, version: number } : subresource;
  }

  function inNewer(object: KubeObject): KubeObject {
    const copy = structuredClone(object);
    toStorage(copy);
    return copy;
  }

  function reading(value: Column<KubeObject>['value']): Column<KubeObject>['value'] {
    return (object, now) => value(inNewer(object), now);
  }
}

/** Every rule of a strategy, applied to objects of the older version. */
function throughNewer(strategy: Strategy, { fromStorage, toStorage }: Conversion<KubeObject>): Strategy {
  const newer = (object: KubeObject): KubeObject => {
    const copy = structuredClone(object);
    toStorage(copy);
    return copy;
  };
  const changing = (object: KubeObject, change: () => void): void => {
    toStorage(object);
    change();
    fromStorage(object);
  };
  return {
    ...strategy,
    default: (object) => changing(object, () => strategy.default?.(object)),
    prepareForCreate: (object, user) => changing(object, () => strategy.prepareForCreate?.(object, user)),
    prepareForUpdate: (next, old) => changing(next, () => strategy.prepareForUpdate?.(next, newer(old))),
    prepareForStatusUpdate: (next, old, part) =>
      changing(next, () => strategy.prepareForStatusUpdate?.(next, newer(old), part)),
    validate: (object) => strategy.validate?.(newer(object)) ?? [],
    validateUpdate: (next, old) => strategy.validateUpdate?.(newer(next), newer(old)) ?? [],
    validateStatusUpdate: (next, old, part) =>
      strategy.validateStatusUpdate?.(newer(next), newer(old), part) ?? [],
    warnings: (object, old) => strategy.warnings?.(newer(object), old && newer(old)) ?? [],
  };
}
