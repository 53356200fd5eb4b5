import { StatusError } from './errors.ts';
import { memoryLimitProblem } from './isolation.ts';
import type { PluginDeclaration } from './plugin.ts';

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const KIND = /^[a-z][a-z0-9-]*\.v[1-9][0-9]*$/;

/** The declaration, if it is one; throws `Invalid` with all that is wrong with it. `origin`: where it was found. */
export function checkDeclaration(
  declaration: PluginDeclaration | undefined,
  origin: string,
): PluginDeclaration {
  const problems: string[] = [];
  const expect = (ok: boolean, message: string): void => {
    if (!ok) problems.push(message);
  };
  if (typeof declaration !== 'object' || declaration === null) {
    throw new StatusError(
      'Invalid',
      `${origin} has no plugin declaration: export default definePlugin({ ... })`,
    );
  }
  const {
    name,
    kind,
    version,
    description,
    requires = {},
    provides = [],
    isolation = 'inline',
  } = declaration;
  expect(NAME.test(name ?? ''), `name ${JSON.stringify(name)} must be a lower-case DNS label`);
  expect(KIND.test(kind ?? ''), `kind ${JSON.stringify(kind)} must be versioned, e.g. "scheduler.v1"`);
  expect(typeof version === 'string' && version !== '', 'version must be a string');
  expect(typeof description === 'string' && description !== '', 'description must be one sentence');
  expect(typeof declaration.start === 'function', 'start must be a function');
  for (const [key, requirement] of Object.entries(requires)) {
    const token = 'optional' in requirement ? requirement.optional : requirement;
    expect(KIND.test(token?.kind ?? ''), `requires.${key} must be a service token`);
  }
  for (const token of provides) {
    expect(KIND.test(token?.kind ?? ''), `provides must list service tokens, not ${JSON.stringify(token)}`);
  }
  const { objects = [] } = declaration.grants ?? {};
  for (const { resource, verbs } of objects) {
    expect(
      resource === '*' || typeof resource?.resource === 'string',
      'grants.objects: resource must be a Resource or "*"',
    );
    expect(verbs === '*' || Array.isArray(verbs), 'grants.objects: verbs must be a list or "*"');
  }
  expect(
    typeof isolation === 'string'
      ? isolation === 'inline' || isolation === 'process'
      : NAME.test(isolation.worker ?? ''),
    'isolation must be "inline" or { worker: NAME }',
  );
  const memory = typeof isolation === 'string' ? undefined : isolation.memory;
  const problem = memory === undefined ? undefined : memoryLimitProblem(memory);
  expect(problem === undefined, `isolation.memory ${problem}`);
  if (problems.length === 0) return declaration;
  throw new StatusError(
    'Invalid',
    `plugin ${JSON.stringify(name ?? origin)} is declared wrongly: ${problems.join('; ')}`,
  );
}
