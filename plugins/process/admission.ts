import type { Json, KubeObject, Write, WriteAdmission } from 'orlop/plugin';
import type { Ask } from './kinds.ts';
import type { Manifest } from './manifest.ts';
import type { JsonObject } from './messages.ts';
import { isConcerned } from './rules.ts';

/** What makes a write that of its object: no admission changes it. */
const KEPT = ['name', 'namespace', 'generateName', 'uid', 'resourceVersion'] as const;

/**
 * `admission.v1`, as a webhook of Kubernetes with `failurePolicy: Fail`: of what the manifest's `rules` concern nothing is written that it
 * has not admitted.
 */
export function admission(ask: Ask, { rules = [] }: Manifest): WriteAdmission {
  return {
    concerns: (verb, resource) => rules.some((rule) => isConcerned(rule, verb, resource)),
    async admit(write, writer) {
      const params = { write, writer } as unknown as JsonObject;
      const answer = await ask('admit', params, (result) => answerProblem(write, result));
      return answer === null ? write : { ...write, object: (answer as { object: Json }).object };
    },
  };
}

function answerProblem(write: Write, answer: Json): string | undefined {
  if (answer === null) return undefined;
  const { object } = answer as { object?: KubeObject };
  if (write.verb === 'delete') return 'it must be null: a deletion is admitted as it is';
  if (typeof object?.metadata !== 'object') return 'it must be null, or have the object to be stored';
  const { metadata } = object;
  const changed = KEPT.find((key) => (metadata?.[key] ?? null) !== (write.object.metadata?.[key] ?? null));
  return changed && `metadata.${changed} must stay as it is`;
}
