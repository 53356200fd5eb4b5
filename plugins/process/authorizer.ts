import { LRUCache } from 'lru-cache';
import type { AccessDecision, AccessRules, Authorizer, Json } from 'orlop/plugin';
import type { Ask } from './kinds.ts';
import type { Manifest } from './manifest.ts';
import { type JsonObject, UnknownMethod } from './messages.ts';

/** Seconds. Source: kube-apiserver `--authorization-webhook-cache-authorized-ttl`, `-unauthorized-ttl`. */
const AUTHORIZED_TTL = 300;
const UNAUTHORIZED_TTL = 30;
/** Decisions kept, and the longest question of which one is, in characters. Source: apiserver `plugin/pkg/authorizer/webhook`. */
const KEPT = 8_192;
const KEPT_LENGTH = 10_000;

/**
 * `authorizer.v1`, as Kubernetes' webhook authorizer: decisions are kept for a while, failures never. Who has no opinion answers that it is
 * not allowed: nobody is asked after it.
 */
export function authorizer(ask: Ask, manifest: Manifest): Authorizer {
  const { authorizedTTLSeconds = AUTHORIZED_TTL, unauthorizedTTLSeconds = UNAUTHORIZED_TTL } = manifest;
  const kept = new LRUCache<string, AccessDecision>({ max: KEPT });
  return {
    async authorize(user, attributes) {
      const params = { user, attributes } as unknown as JsonObject;
      const key = JSON.stringify(params);
      const known = kept.get(key);
      if (known) return known;
      const { allowed, reason } = (await ask('authorize', params, decisionProblem)) as unknown as Answer;
      const decision: AccessDecision = Object.freeze({ allowed, reason: reason ?? '' });
      const ttl = 1_000 * (allowed ? authorizedTTLSeconds : unauthorizedTTLSeconds);
      if (ttl > 0 && key.length < KEPT_LENGTH) kept.set(key, decision, { ttl });
      return decision;
    },
    async rules(user, namespace) {
      const params = { user, namespace } as unknown as JsonObject;
      try {
        return (await ask('rules', params, rulesProblem)) as unknown as AccessRules;
      } catch (error) {
        if (!(error instanceof UnknownMethod)) throw error;
        const evaluationError = `${error.message}: user rule resolution is not supported`;
        return { resourceRules: [], nonResourceRules: [], incomplete: true, evaluationError };
      }
    },
  };
}

interface Answer {
  allowed: boolean;
  reason?: string | null;
}

function decisionProblem(answer: Json): string | undefined {
  const { allowed, reason = null } = (answer ?? {}) as Partial<Answer>;
  if (typeof allowed !== 'boolean') return 'allowed must be true or false';
  return reason === null || typeof reason === 'string' ? undefined : 'reason must be a string';
}

function rulesProblem(answer: Json): string | undefined {
  const { resourceRules, nonResourceRules, incomplete } = (answer ?? {}) as Partial<AccessRules>;
  for (const [name, rules] of Object.entries({ resourceRules, nonResourceRules }))
    if (!Array.isArray(rules) || !rules.every((rule) => Array.isArray((rule as { verbs?: unknown })?.verbs)))
      return `${name} must be a list of rules, each with verbs`;
  return typeof incomplete === 'boolean' ? undefined : 'incomplete must be true or false';
}
