import { type KubeObject, parseLabelSelector, StatusError } from 'orlop/plugin';
import type { ResourceRow } from '../resources/types.ts';
import { fromStorage, isStoredForm } from './present.ts';

/** What a list or watch is narrowed to. */
export interface Selection {
  /** `undefined`: everything. Takes stored values. */
  readonly where: ((value: KubeObject) => boolean) | undefined;
  /** The only name that can match, from `metadata.name=x`. */
  readonly name: string | undefined;
  /** Likewise of `metadata.namespace=x`. */
  readonly namespace: string | undefined;
}

/** Throws BadRequest for a selector that cannot be read or a field label the kind does not have. */
export function selection(row: ResourceRow, labels: string, fields: string): Selection {
  const tests: ((value: KubeObject) => boolean)[] = [];
  if (labels.trim() !== '') {
    const matches = parseLabelSelector(labels);
    tests.push((value) => matches(value.metadata?.labels));
  }
  const exact = new Map<string, string>();
  for (const { label, value, equal } of parseFieldSelector(fields)) {
    const field = Object.hasOwn(row.fieldSelectors, label) ? row.fieldSelectors[label]! : undefined;
    if (!field) throw new StatusError('BadRequest', `field label not supported: ${label}`);
    if (equal) exact.set(label, value);
    tests.push((object) => (field(object) === value) === equal);
  }
  const shown = (value: KubeObject): KubeObject => fromStorage(row, value);
  const all = (value: KubeObject): boolean => tests.every((matches) => matches(value));
  const where = isStoredForm(row) ? all : (value: KubeObject) => all(shown(value));
  return {
    where: tests.length === 0 ? undefined : where,
    name: exact.get('metadata.name') || undefined,
    namespace: exact.get('metadata.namespace') || undefined,
  };
}

interface FieldTerm {
  label: string;
  value: string;
  equal: boolean;
}

/** `a=b,c!=d`; a backslash escapes a comma, an equals sign or itself. Source: apimachinery `fields/selector.go`. */
export function parseFieldSelector(text: string): FieldTerm[] {
  return splitTerms(text)
    .filter((term) => term !== '')
    .map((term) => {
      const match = /^([^=!]+?)(==|!=|=)(.*)$/s.exec(term);
      if (!match)
        throw new StatusError('BadRequest', `invalid selector: '${text}'; can't understand '${term}'`);
      return { label: match[1]!, value: match[3]!.replaceAll(/\\([\\,=])/g, '$1'), equal: match[2] !== '!=' };
    });
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let term = '';
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === ',') {
      terms.push(term);
      term = '';
    } else if (text[i] === '\\') {
      term += text.slice(i, i + 2);
      i += 1;
    } else term += text[i]!;
  }
  return [...terms, term];
}
