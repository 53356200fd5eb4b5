import { type AccessRules, asStatusError, StatusError, timestamp, type UserInfo } from 'orlop/plugin';
import { writeOptions } from '../http/options.ts';
import { invalidObject } from '../resources/errors.ts';
import type { Access } from '../resources/kinds/access.ts';
import type { Call } from './call.ts';
import { decodeBody } from './decode.ts';

/** POST of a question about access: answered, never kept. */
export async function review(call: Call): Promise<void> {
  const { exchange, row, path } = call;
  const options = writeOptions(exchange.query, exchange.header('user-agent'), 'CreateOptions');
  const asked: Access = await decodeBody(call, row, options.fieldValidation);
  const namespace = path.namespace === undefined ? {} : { namespace: path.namespace };
  const metadata = { ...asked.metadata, ...namespace, creationTimestamp: timestamp() };
  const errors = row.strategy.validate?.({ ...asked, metadata }) ?? [];
  if (errors.length > 0) throw invalidObject(row, metadata.name ?? '', errors);
  await exchange.json(201, { ...asked, metadata, status: await answer(call, asked) });
}

async function answer(call: Call, asked: Access): Promise<object> {
  const { exchange, row } = call;
  switch (row.kind) {
    case 'SelfSubjectReview':
      return { userInfo: exchange.user };
    case 'SelfSubjectRulesReview':
      if (!asked.spec?.namespace) throw new StatusError('BadRequest', 'no namespace on request');
      return mayDoIn(call, exchange.user, asked.spec.namespace);
    case 'TokenReview':
      return whoseToken(call, asked);
    case 'SelfSubjectAccessReview':
      return mayDo(call, exchange.user, asked);
    default: {
      const { user = '', groups = [], uid } = asked.spec ?? {};
      return mayDo(call, { username: user, groups, ...(uid === undefined ? {} : { uid }) }, asked);
    }
  }
}

const NOBODY = { authenticated: false, error: 'invalid bearer token' } as const;

async function whoseToken({ api: { authenticator, tokens } }: Call, { spec }: Access): Promise<object> {
  if (!spec?.token) {
    throw new StatusError('BadRequest', 'token is required for TokenReview in authentication');
  }
  const { token } = spec;
  const audiences = spec.audiences?.length ? spec.audiences : (tokens?.audiences ?? []);
  if (authenticator.reviewToken) {
    const found = await authenticator.reviewToken(token, audiences);
    return found ? { authenticated: true, ...found } : NOBODY;
  }
  const user = await authenticator.authenticate({ token });
  return user ? { authenticated: true, user } : NOBODY;
}

/** An authorizer that fails is an answer: nothing is allowed. Source: apiserver `pkg/registry/authorization`. */
async function mayDo({ api }: Call, user: UserInfo, { spec = {} }: Access): Promise<object> {
  const { resourceAttributes: about = {}, nonResourceAttributes: url } = spec;
  const asked = url ? { path: url.path ?? '', verb: url.verb ?? '' } : { ...about, verb: about.verb ?? '' };
  try {
    const { allowed, reason } = await api.authorizer.authorize(user, asked);
    return { allowed, ...(reason === '' ? {} : { reason }) };
  } catch (error) {
    return { allowed: false, evaluationError: asStatusError(error).message };
  }
}

async function mayDoIn({ api }: Call, user: UserInfo, namespace: string): Promise<AccessRules> {
  try {
    return await api.authorizer.rules(user, namespace);
  } catch (error) {
    const evaluationError = asStatusError(error).message;
    return { resourceRules: [], nonResourceRules: [], incomplete: true, evaluationError };
  }
}
