import { service } from '../plugin.ts';

/** Who makes a request, as in `authentication.k8s.io` UserInfo. */
export interface UserInfo {
  username: string;
  uid?: string;
  groups: string[];
  /** More about the credentials, e.g. the pod that a token is bound to. */
  extra?: Record<string, string[]>;
}

export interface Credentials {
  /** Of a client certificate that the cluster's CA signed. */
  certificate?: { commonName: string; organizations: string[] } | undefined;
  /** Of an `Authorization: Bearer` header. */
  token?: string | undefined;
}

/** `auth.v1`: says who makes a request. Called by the API server before anything else, for every request. */
export interface Authenticator {
  /** `undefined`: these credentials are nobody's; the request is refused with 401. */
  authenticate(credentials: Credentials): UserInfo | undefined | Promise<UserInfo | undefined>;
  /**
   * What a TokenReview asks: whose token, and for which of these audiences. Absent: `authenticate` says whose, and the token is for the
   * API server alone.
   */
  reviewToken?(
    token: string,
    audiences: readonly string[],
  ): Promise<{ user: UserInfo; audiences: string[] } | undefined>;
}

export const Authenticator = service<Authenticator>('auth.v1');

export interface CertificateRequest {
  commonName: string;
  /** Groups of a client, as Kubernetes reads them from the subject's O. */
  organizations?: readonly string[];
  usage: 'server' | 'client';
  /** DNS names and IP addresses of a server. */
  hosts?: readonly string[];
  /** Default 365. */
  days?: number;
}

/** A certificate for a key that somebody else has. */
export interface SigningRequest {
  /** PKCS #10, PEM. */
  request: string;
  /** As in a CertificateSigningRequest: `client auth`, `digital signature`, ... */
  usages: readonly string[];
  expirationSeconds: number;
}

/** The cluster's own CA, made at first start. Certificates are PEM. */
export interface CertificateAuthority {
  readonly certificate: string;
  issue(request: CertificateRequest): Promise<{ certificate: string; key: string }>;
  /**
   * The certificate asked for, with the request's own names: whether they may be had is for the caller to know. Throws Invalid for what is
   * no request, or not signed by its key.
   */
  sign(request: SigningRequest): Promise<string>;
}

export const CertificateAuthority = service<CertificateAuthority>('ca.v1');
