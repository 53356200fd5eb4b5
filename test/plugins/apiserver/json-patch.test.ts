/** The published test suite of RFC 6902, run against what a PATCH of type `application/json-patch+json` does. */
import { createRequire } from 'node:module';
import t from 'tap';
import { jsonPatch } from '../../../plugins/apiserver/patch/json.ts';

interface Case {
  comment?: string;
  doc: unknown;
  patch: unknown;
  expected?: unknown;
  /** Why the patch must be refused. */
  error?: string;
  disabled?: boolean;
}

const load = createRequire(import.meta.url) as (path: string) => Case[];

for (const file of ['tests.json', 'spec_tests.json']) {
  t.test(file, async (t) => {
    for (const { comment, doc, patch, expected, error, disabled } of load(`json-patch-test-suite/${file}`)) {
      if (disabled === true) continue;
      const what = comment ?? error ?? JSON.stringify(patch);
      if (error === undefined) t.strictSame(jsonPatch(doc, patch), expected ?? doc, what);
      else t.throws(() => jsonPatch(doc, patch), { name: 'StatusError' } as object as Error, what);
    }
  });
}
