import jsonpatch, { type Operation } from 'fast-json-patch';
import { StatusError } from 'orlop/plugin';

/** Source: apiserver `handlers/patch.go`, `maxJSONPatchOperations`. */
const MOST_OPERATIONS = 10_000;

/** JSON patch (RFC 6902). `target` is not changed. Throws BadRequest for a bad patch, Invalid when it cannot be applied. */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    throw new StatusError('BadRequest', 'error decoding patch: a JSON patch is a list of operations');
  }
  if (patch.length > MOST_OPERATIONS) {
    throw new StatusError(
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${MOST_OPERATIONS}, got ${patch.length}`,
    );
  }
  const wrong = jsonpatch.validate(patch as Operation[]);
  if (wrong && wrong.name !== 'OPERATION_PATH_UNRESOLVABLE') {
    throw new StatusError('BadRequest', `error decoding patch: ${firstLine(wrong.message)}`);
  }
  try {
    return jsonpatch.applyPatch(structuredClone(target), patch as Operation[], true, true, true).newDocument;
  } catch (error) {
    const message = error instanceof Error ? firstLine(error.message) : String(error);
    throw new StatusError(
      'Invalid',
      `the server rejected our request due to an error in our request: ${message}`,
    );
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!;
}
