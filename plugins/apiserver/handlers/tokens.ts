import {
  type KubeObject,
  type ServiceAccountTokens,
  StatusError,
  type TokenRequestSpec,
  timestamp,
} from 'orlop/plugin';
import { writeOptions } from '../http/options.ts';
import { invalid, invalidObject, required } from '../resources/errors.ts';
import type { FieldError } from '../resources/types.ts';
import { type Api, type Call, keyOfPath } from './call.ts';
import { admitPart } from './creation.ts';
import { decodeBody } from './decode.ts';

const TOKEN_REQUEST = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
const DEFAULT_SECONDS = 3600;

interface TokenRequest extends KubeObject {
  spec?: TokenRequestSpec;
}

/** POST of a TokenRequest to a ServiceAccount's `/token`. Source: kubernetes `registry/core/serviceaccount/storage/token.go`. */
export async function createToken(call: Call): Promise<void> {
  const { api, exchange } = call;
  const { namespace = '', name } = keyOfPath(call);
  const options = writeOptions(exchange.query, exchange.header('user-agent'));
  const request: TokenRequest = await decodeBody(call, TOKEN_REQUEST, options.fieldValidation);
  const { metadata = {} } = request;
  if (metadata.name && metadata.name !== name) {
    const both = `name in URL (${name}) does not match name in TokenRequest object (${metadata.name})`;
    throw new StatusError('BadRequest', both);
  }
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw new StatusError(
      'BadRequest',
      'the namespace of the TokenRequest does not match the namespace in the URL',
    );
  }
  await admitPart(call, { kind: TOKEN_REQUEST, object: request, dryRun: options.dryRun }, () => {
    request.spec ??= {};
    request.spec.expirationSeconds ??= DEFAULT_SECONDS;
    const errors = validate(request.spec);
    if (errors.length > 0) throw invalidObject(TOKEN_REQUEST, metadata.name ?? '', errors);
  });
  const { spec = {} } = request;
  const { token, expirationTimestamp, audiences } = await tokensOf(api).issue(namespace, name, spec);
  await exchange.json(201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { ...metadata, name, namespace, creationTimestamp: timestamp() },
    spec: { ...spec, audiences },
    status: { token, expirationTimestamp },
  });
}

/** Throws ServiceUnavailable when no plugin issues tokens. */
export function tokensOf({ tokens }: Api): ServiceAccountTokens {
  if (tokens) return tokens;
  throw new StatusError(
    'ServiceUnavailable',
    'no plugin of this cluster issues tokens of ServiceAccounts: add one of kind tokens.v1',
  );
}

/** Source: kubernetes `pkg/apis/authentication/validation/validation.go`. */
function validate({ expirationSeconds = 0, boundObjectRef }: TokenRequestSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (expirationSeconds < 600) {
    const least = 'may not specify a duration less than 10 minutes';
    errors.push(invalid('spec.expirationSeconds', expirationSeconds, least));
  }
  if (expirationSeconds > 2 ** 32) {
    const most = 'may not specify a duration larger than 2^32 seconds';
    errors.push(invalid('spec.expirationSeconds', expirationSeconds, most));
  }
  if (boundObjectRef && !boundObjectRef.name) errors.push(required('spec.boundObjectRef.name'));
  return errors;
}
