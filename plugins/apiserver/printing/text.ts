import type { LabelSelector } from 'orlop/plugin';

const NONE = '<none>';

/** At most `most` of `items`, and how many more there are. */
export function shortList(items: readonly string[], most: number, separator = ','): string {
  const shown = items.slice(0, most).join(separator);
  return items.length > most ? `${shown} + ${items.length - most} more...` : shown;
}

/** `a=b,c=d`. */
export function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  return pairs.join(',') || NONE;
}

/** A selector as `kubectl` takes it. Source: apimachinery `metav1.FormatLabelSelector`. */
export function selectorText(selector: LabelSelector | undefined): string {
  if (!selector) return NONE;
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    text: `${key}=${value}`,
  }));
  const others = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => ({
    key,
    text: expression(key, operator, [...values].sort()),
  }));
  const texts = [...equal, ...others].sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ text }) => text);
  return texts.join(',') || NONE;
}

function expression(key: string, operator: string, values: readonly string[]): string {
  switch (operator) {
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    case 'NotIn':
      return `${key} notin (${values.join(',')})`;
    default:
      return `${key} in (${values.join(',')})`;
  }
}

/** Names and images of a pod template's containers. */
export function containerColumns(containers: readonly { name: string; image?: string }[] | undefined): {
  names: string;
  images: string;
} {
  const list = containers ?? [];
  return {
    names: list.map(({ name }) => name).join(','),
    images: list.map(({ image }) => image ?? '').join(','),
  };
}
