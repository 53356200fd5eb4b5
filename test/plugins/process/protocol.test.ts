/** The transcript in the protocol's page is what the shipped plugin says. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

t.test('the transcript', async (t) => {
  const page = readFileSync(`${root}plugins/process/PROTOCOL.md`, 'utf8');
  const said = (who: string): { id: unknown; method?: string }[] =>
    [...page.matchAll(new RegExp(`^${who} (\\{.*\\})$`, 'gm'))].map((match) => JSON.parse(match[1]!));
  const requests = said('→').filter(({ method }) => method !== undefined);
  const answers = said('←').filter(({ method }) => method === undefined);
  t.ok(requests.length >= 5);
  const output = execFileSync('python3', [`${root}plugins/scoring/python/scorer.py`], {
    input: requests.map((each) => `${JSON.stringify(each)}\n`).join(''),
    encoding: 'utf8',
  });
  t.same(
    output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
    answers,
  );
});
