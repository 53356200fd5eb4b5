import { createHash, timingSafeEqual } from 'node:crypto';
import type { Authenticator, ServiceAccountTokens, UserInfo } from 'orlop/plugin';

/** The group every authenticated user is in. Source: Kubernetes `user.AllAuthenticated`. */
const AUTHENTICATED = 'system:authenticated';

/** Group with every right. Source: Kubernetes `user.SystemPrivilegedGroup`. */
const MASTERS = 'system:masters';

const ADMIN: UserInfo = { username: 'kubernetes-admin', groups: [MASTERS, AUTHENTICATED] };

/**
 * Client certificates are who their subject says (CN the user, O the groups); the administrator's token is `kubernetes-admin`; other
 * tokens are those of ServiceAccounts.
 */
export function authenticator(adminToken: string, tokens?: ServiceAccountTokens): Authenticator {
  const expected = digest(adminToken);
  // Digests have one length, whatever was sent: the comparison tells nothing about the token.
  const isAdmin = (token: string): boolean => timingSafeEqual(digest(token), expected);
  return {
    authenticate({ certificate, token }) {
      // Whoever sends a token besides means it: `kubectl --token` with a kubeconfig that has a certificate.
      if (token !== undefined && token !== '') {
        return isAdmin(token) ? ADMIN : tokens?.verify(token, tokens.audiences).then((found) => found?.user);
      }
      if (!certificate || certificate.commonName === '') return undefined;
      const groups = new Set([...certificate.organizations, AUTHENTICATED]);
      return { username: certificate.commonName, groups: [...groups] };
    },
    async reviewToken(token, audiences) {
      if (!isAdmin(token)) return tokens?.verify(token, audiences);
      const own = tokens?.audiences ?? [];
      const shared = audiences.filter((each) => own.includes(each));
      return shared.length > 0 || audiences.length === 0 ? { user: ADMIN, audiences: shared } : undefined;
    },
  };
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
