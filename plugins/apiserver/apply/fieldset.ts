import { StatusError } from 'orlop/plugin';
import { isObject } from '../patch/shape.ts';

/**
 * A set of field paths, as a tree. A path element is written as FieldsV1 does: `f:name` a field, `k:{"name":"x"}` the item of a list
 * with that key, `v:"x"` that value of a set, `i:0` an index. Source: structured-merge-diff `fieldpath.Set`.
 */
export class FieldSet {
  /** Elements that are paths of the set by themselves. */
  readonly members = new Set<string>();
  /** Elements that lead to longer paths of the set. */
  readonly children = new Map<string, FieldSet>();

  get empty(): boolean {
    return this.members.size === 0 && this.children.size === 0;
  }

  child(element: string): FieldSet {
    const known = this.children.get(element);
    if (known) return known;
    const child = new FieldSet();
    this.children.set(element, child);
    return child;
  }

  /** Drops the child when nothing was put into it. */
  prune(element: string): void {
    if (this.children.get(element)?.empty) this.children.delete(element);
  }

  union(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const set of [this, other]) for (const member of set.members) result.members.add(member);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      result.children.set(element, theirs ? child.union(theirs) : child);
    }
    for (const [element, child] of other.children) {
      if (!result.children.has(element)) result.children.set(element, child);
    }
    return result;
  }

  intersection(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const member of this.members) if (other.members.has(member)) result.members.add(member);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      if (!theirs) continue;
      const both = child.intersection(theirs);
      if (!both.empty) result.children.set(element, both);
    }
    return result;
  }

  /** The paths of this set that are not paths of `other`. */
  difference(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const member of this.members) if (!other.members.has(member)) result.members.add(member);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      const rest = theirs ? child.difference(theirs) : child;
      if (!rest.empty) result.children.set(element, rest);
    }
    return result;
  }

  /** As `difference`, but a path of `other` takes everything below it away too. */
  recursiveDifference(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const member of this.members) if (!other.members.has(member)) result.members.add(member);
    for (const [element, child] of this.children) {
      if (other.members.has(element)) continue;
      const theirs = other.children.get(element);
      const rest = theirs ? child.recursiveDifference(theirs) : child;
      if (!rest.empty) result.children.set(element, rest);
    }
    return result;
  }

  equals(other: FieldSet): boolean {
    if (this.members.size !== other.members.size || this.children.size !== other.children.size) return false;
    for (const member of this.members) if (!other.members.has(member)) return false;
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      if (!theirs || !child.equals(theirs)) return false;
    }
    return true;
  }

  /** Every path, as its elements. */
  *paths(prefix: readonly string[] = []): Generator<string[]> {
    for (const member of this.members) yield [...prefix, member];
    for (const [element, child] of this.children) yield* child.paths([...prefix, element]);
  }

  /** As `metadata.managedFields[].fieldsV1`; in a stable order. */
  toFields(): Record<string, unknown> {
    const fields: Record<string, unknown> = {};
    const elements = [...new Set([...this.members, ...this.children.keys()])].sort();
    for (const element of elements) {
      const below = this.children.get(element)?.toFields() ?? {};
      fields[element] =
        this.members.has(element) && this.children.has(element) ? { '.': {}, ...below } : below;
    }
    return fields;
  }

  /** The inverse of `toFields`. Throws BadRequest. */
  static fromFields(fields: unknown): FieldSet {
    if (!isObject(fields)) throw new StatusError('BadRequest', 'fieldsV1 must be an object');
    const set = new FieldSet();
    for (const [element, below] of Object.entries(fields)) {
      if (element === '.') continue;
      if (!/^[fkvi]:/.test(element) || !isObject(below)) {
        throw new StatusError(
          'BadRequest',
          `fieldsV1 holds ${JSON.stringify(element)}, which is not a path element`,
        );
      }
      const names = Object.keys(below);
      if (names.length === 0 || names.includes('.')) set.members.add(element);
      if (names.some((name) => name !== '.')) set.children.set(element, FieldSet.fromFields(below));
    }
    return set;
  }
}

export function fieldSet(...paths: (readonly string[])[]): FieldSet {
  const set = new FieldSet();
  for (const path of paths) {
    let at = set;
    for (const element of path.slice(0, -1)) at = at.child(element);
    at.members.add(path.at(-1)!);
  }
  return set;
}

/** `.spec.containers[name="web"].image`, as upstream's messages write a path. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('');
}

function elementText(element: string): string {
  const body = element.slice(2);
  switch (element[0]) {
    case 'f':
      return `.${body}`;
    case 'v':
      return `[=${body}]`;
    case 'k': {
      const keys = Object.entries(JSON.parse(body) as Record<string, unknown>);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    }
    default:
      return `[${body}]`;
  }
}
