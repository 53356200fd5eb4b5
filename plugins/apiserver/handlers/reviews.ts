import { timestamp } from 'orlop/plugin';
import type { Call } from './call.ts';
import { decodeBody } from './decode.ts';

/** POST of a question about the asker: answered, never kept. */
export async function review(call: Call): Promise<void> {
  const { exchange, row } = call;
  const asked = await decodeBody(call, row, 'Warn');
  const metadata = { ...asked.metadata, creationTimestamp: timestamp() };
  await exchange.json(201, { ...asked, metadata, status: answer(call, asked as { spec?: Attributes }) });
}

interface Attributes {
  resourceAttributes?: {
    verb?: string;
    group?: string;
    resource?: string;
    namespace?: string;
    name?: string;
  };
  nonResourceAttributes?: { verb?: string; path?: string };
}

function answer({ api, exchange, row }: Call, { spec = {} }: { spec?: Attributes }): object {
  const { user } = exchange;
  if (row.kind === 'SelfSubjectReview') return { userInfo: user };
  if (row.kind === 'SelfSubjectRulesReview') {
    return { ...api.authorizer.rules(user), incomplete: false };
  }
  const { resourceAttributes: about, nonResourceAttributes: path } = spec;
  return api.authorizer.authorize(
    user,
    path
      ? { verb: path.verb ?? '', path: path.path ?? '' }
      : {
          verb: about?.verb ?? '',
          group: about?.group,
          resource: about?.resource,
          namespace: about?.namespace,
          name: about?.name,
        },
  );
}
