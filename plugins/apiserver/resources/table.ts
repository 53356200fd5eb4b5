import { apiVersionOf } from 'orlop/plugin';
import type { GroupVersionKind, ResourceRow } from './types.ts';

/** The resources that the HTTP API serves. Rows come and go at run time (custom resources). */
export class ResourceTable {
  readonly #rows = new Map<string, ResourceRow>();
  readonly #kinds = new Map<string, ResourceRow>();
  #revision = 0;

  constructor(rows: Iterable<ResourceRow> = []) {
    for (const row of rows) this.add(row);
  }

  /** Raised by each change: what is derived from the table (discovery, OpenAPI) is valid for one revision. */
  get revision(): number {
    return this.#revision;
  }

  get rows(): ResourceRow[] {
    return [...this.#rows.values()];
  }

  /** Replaces a row of the same group, version and plural. */
  add(row: ResourceRow): void {
    this.remove(row);
    this.#rows.set(rowKey(row.group, row.version, row.resource), row);
    this.#kinds.set(rowKey(row.group, row.version, row.kind), row);
    this.#revision += 1;
  }

  remove(row: Pick<ResourceRow, 'group' | 'version' | 'resource'>): void {
    const key = rowKey(row.group, row.version, row.resource);
    const old = this.#rows.get(key);
    if (!old) return;
    this.#rows.delete(key);
    this.#kinds.delete(rowKey(old.group, old.version, old.kind));
    this.#revision += 1;
  }

  find(group: string, version: string, plural: string): ResourceRow | undefined {
    return this.#rows.get(rowKey(group, version, plural));
  }

  findKind({ group, version, kind }: GroupVersionKind): ResourceRow | undefined {
    return this.#kinds.get(rowKey(group, version, kind));
  }

  /** In the order in which they were added; the core group is `''`. */
  groups(): string[] {
    return [...new Set(this.rows.map((row) => row.group))];
  }

  /** The preferred version first. */
  versions(group: string): string[] {
    const versions = this.rows.filter((row) => row.group === group).map((row) => row.version);
    return [...new Set(versions)].sort(compareVersions);
  }

  in(group: string, version: string): ResourceRow[] {
    return this.rows.filter((row) => row.group === group && row.version === version);
  }
}

function rowKey(group: string, version: string, name: string): string {
  return `${apiVersionOf({ group, version })}/${name}`;
}

const VERSION = /^v(\d+)(?:(alpha|beta)(\d+))?$/;

/** Most stable and newest first: v2, v1, v1beta2, v1beta1, v1alpha1, then others by name. Source: apimachinery `version.CompareKubeAwareVersionStrings`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [VERSION.exec(a), VERSION.exec(b)];
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : a > b ? 1 : 0;
  const stability = (match: RegExpExecArray): number =>
    match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
  return (
    stability(right) - stability(left) ||
    Number(right[1]) - Number(left[1]) ||
    Number(right[3] ?? 0) - Number(left[3] ?? 0)
  );
}
