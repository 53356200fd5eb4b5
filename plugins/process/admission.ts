import { type Admission, type AdmissionRequest, type Json, type KubeObject, StatusError } from 'orlop/plugin';
import type { Ask } from './kinds.ts';
import type { Manifest } from './manifest.ts';
import { type JsonObject, UnknownMethod } from './messages.ts';

type Method = 'mutate' | 'validate';

/** `admission.v1`: a program that has one of the two methods only is not asked for the other again. */
export function admission(ask: Ask, { name, rules = [] }: Manifest): Admission {
  const lacking = new Set<Method>();
  async function answer(
    method: Method,
    request: AdmissionRequest,
    problem: (result: Json) => string | undefined,
  ): Promise<Json> {
    if (lacking.has(method)) return null;
    try {
      return await ask(method, request as unknown as JsonObject, problem);
    } catch (error) {
      if (!(error instanceof UnknownMethod)) throw error;
      lacking.add(method);
    }
    if (lacking.size < 2) return null;
    lacking.clear();
    throw new StatusError('InternalError', `plugin "${name}" has neither of the methods mutate and validate`);
  }
  return {
    rules,
    async mutate(request) {
      const result = await answer('mutate', request, mutationProblem);
      return result === null ? request.object! : (result as unknown as { object: KubeObject }).object;
    },
    async validate(request) {
      await answer('validate', request, (result) => (result === null ? undefined : 'it must be null'));
    },
  };
}

function mutationProblem(result: Json): string | undefined {
  const { object } = (result ?? { object: {} }) as { object?: Json };
  const isObject = typeof object === 'object' && object !== null && !Array.isArray(object);
  return isObject ? undefined : 'it must be null, or have the object that is to be';
}
