import type { PolicyRule } from '../model/kubernetes.ts';
import { service } from '../plugin.ts';
import type { UserInfo } from './auth.ts';

/** What a request wants to do: something with a resource, or, with `path`, of a path that is none. */
export interface AccessAttributes {
  /** get, list, watch, create, update, patch, delete, deletecollection, or one of its own such as impersonate; of a `path` the lower-case method. */
  readonly verb: string;
  readonly group?: string | undefined;
  /** The plural, without the subresource. */
  readonly resource?: string | undefined;
  readonly subresource?: string | undefined;
  /** Absent for what is cluster-scoped and for all namespaces at once. */
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly path?: string | undefined;
}

export interface AccessDecision {
  readonly allowed: boolean;
  /** Why, as far as that helps who asked; may be empty. */
  readonly reason: string;
}

/** What somebody may do, as the status of a SelfSubjectRulesReview. */
export interface AccessRules {
  resourceRules: PolicyRule[];
  nonResourceRules: PolicyRule[];
  /** Not everything that is allowed can be told. */
  incomplete: boolean;
  evaluationError?: string;
}

/**
 * `authorizer.v1`: says what somebody may do. Asked by the API server for every request but those of the group `system:masters`, which may
 * do everything, and for access reviews. What it throws refuses the request.
 */
export interface Authorizer {
  authorize(user: UserInfo, attributes: AccessAttributes): AccessDecision | Promise<AccessDecision>;
  /** In this namespace, and in the whole cluster. */
  rules(user: UserInfo, namespace: string): AccessRules | Promise<AccessRules>;
}

export const Authorizer = service<Authorizer>('authorizer.v1');
