import type { Taint, Toleration } from './kubernetes.ts';

/** Source: `k8s.io/component-helpers` `ToleratesTaint`. */
export function tolerates(toleration: Toleration, taint: Pick<Taint, 'key' | 'value' | 'effect'>): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  const operator = toleration.operator || 'Equal';
  if (operator === 'Exists') return true;
  return Boolean(toleration.key) && operator === 'Equal' && (toleration.value ?? '') === (taint.value ?? '');
}
