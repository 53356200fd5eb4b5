import { StatusError } from '../contract/index.ts';

/** Where a list goes on: after a key, at the revision of its first page. */
export interface Position {
  epoch: string;
  revision: number;
  after: string;
}

export function encodeContinue({ epoch, revision, after }: Position): string {
  return Buffer.from(JSON.stringify([epoch, revision, after])).toString('base64url');
}

/** Throws `BadRequest`, or `Expired` when the revision belongs to a stream that is no more. */
export function decodeContinue(token: string, epoch: string): Position {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    parsed = undefined;
  }
  const [of, revision, after] = Array.isArray(parsed) ? parsed : [];
  if (typeof of !== 'string' || typeof revision !== 'number' || typeof after !== 'string')
    throw new StatusError('BadRequest', 'continue key is not valid: use the one a list returned, unchanged');
  if (of !== epoch)
    throw new StatusError('Expired', 'the continue key is of a store that was replaced; list again');
  return { epoch: of, revision, after };
}
