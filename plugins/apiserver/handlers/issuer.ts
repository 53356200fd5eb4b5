import type { Exchange } from '../http/exchange.ts';
import type { Api } from './call.ts';
import type { DocumentSources } from './documents.ts';
import { tokensOf } from './tokens.ts';

/** GET of `/.well-known/openid-configuration`: how others find out whose a ServiceAccount's token is. Source: OpenID Connect Discovery 1.0. */
export function sendIssuer(
  exchange: Exchange,
  api: Api,
  { address }: Pick<DocumentSources, 'address'>,
): Promise<void> {
  return exchange.json(200, {
    issuer: tokensOf(api).issuer,
    jwks_uri: `https://${address()}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  });
}

/** GET of `/openid/v1/jwks`. */
export async function sendKeySet(exchange: Exchange, api: Api): Promise<void> {
  await exchange.json(200, await tokensOf(api).keySet(), 'application/jwk-set+json');
}
