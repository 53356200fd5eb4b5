import { service } from '../plugin.ts';
import type { UserInfo } from './auth.ts';

/** What a token is asked for; as `authentication.k8s.io/v1` TokenRequestSpec. */
export interface TokenRequestSpec {
  /** Who will accept it; absent or empty: the API server. */
  audiences?: string[];
  expirationSeconds?: number;
  /** The token is valid no longer than this object is there. */
  boundObjectRef?: { apiVersion?: string; kind?: string; name?: string; uid?: string };
}

export interface IssuedToken {
  token: string;
  /** RFC 3339. A token for a pod may be valid for longer; then it should be replaced nevertheless. */
  expirationTimestamp: string;
  audiences: string[];
}

/**
 * `tokens.v1`: issues the tokens by which pods and others act as a ServiceAccount, and says whose a token is. Called by the API server,
 * `auth.v1`, and the controller of token Secrets; by nodes over the bus, see `TOKEN_SUBJECT`.
 */
export interface ServiceAccountTokens {
  /** Of all servers of the cluster; an `https:` URL. */
  readonly issuer: string;
  /** What the API server answers to. */
  readonly audiences: readonly string[];
  /**
   * Throws NotFound for an account or bound object that is not there, Conflict when that has another uid, BadRequest for one that
   * cannot be bound, Invalid for a time that is too short or too long.
   */
  issue(namespace: string, account: string, spec: TokenRequestSpec): Promise<IssuedToken>;
  /** The token of a Secret of type `kubernetes.io/service-account-token`: valid for as long as the Secret holds it. */
  issueForSecret(namespace: string, account: string, secret: string): Promise<string>;
  /**
   * Whose token it is, and for which of these audiences. `undefined`: it is not of this cluster, has expired, is for others, or its account
   * or bound object is gone.
   */
  verify(
    token: string,
    audiences: readonly string[],
  ): Promise<{ user: UserInfo; audiences: string[] } | undefined>;
  /** Public keys of all servers, as a JSON Web Key Set (RFC 7517). */
  keySet(): Promise<{ keys: Record<string, unknown>[] }>;
}

export const ServiceAccountTokens = service<ServiceAccountTokens>('tokens.v1');

/** A request on the bus for a pod's token, answered as `issue` answers: it must be bound to a pod that has a node. */
export interface TokenParams {
  namespace: string;
  account: string;
  spec: TokenRequestSpec;
}

export const TOKEN_SUBJECT = 'tokens.issue';
