import { parseArgs } from 'node:util';

export interface Option {
  type: 'string' | 'boolean';
  short?: string;
  multiple?: boolean;
  /** What stands for the value in the help, e.g. `DIR`. */
  value?: string;
  help: string;
}

export interface Command {
  name: string;
  /** One line for the overview. */
  summary: string;
  /** What the overview cannot say; paragraphs. */
  description?: string;
  options: Record<string, Option>;
  /** Words that must follow, in this order, e.g. `NAME`; each is a value under its own name. */
  words?: readonly string[];
  /** Named `COMMAND SUB`: a command with these only leads to them. */
  subcommands?: readonly Command[];
  examples?: readonly string[];
  /** Resolves with the exit code: 0 done, 1 failed, 2 used wrongly. */
  run(values: Values): Promise<number>;
}

export type Values = Record<string, string | boolean | (string | boolean)[] | undefined>;

/** The words on the command line were wrong: exit code 2. */
export class UsageError extends Error {}

/** Throws `UsageError` for unknown options, missing values and stray words. */
export function parse(command: Command, args: readonly string[]): Values {
  const options = Object.fromEntries(
    Object.entries({ ...command.options, help: HELP }).map(([name, { type, short, multiple }]) => [
      name,
      { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      strict: true,
      allowPositionals: true,
    });
    if (values['help'] !== true) checkWords(command, positionals);
    const words = command.words ?? [];
    return { ...values, ...Object.fromEntries(words.map((word, index) => [word, positionals[index]])) };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${(error as Error).message.split('. ')[0]}.`);
  }
}

function checkWords({ name, words = [] }: Command, given: readonly string[]): void {
  const missing = words[given.length];
  if (missing !== undefined)
    throw new UsageError(`${missing} is missing: orlop ${[name, ...words].join(' ')}.`);
  const stray = given[words.length];
  if (stray !== undefined) throw new UsageError(`Unexpected argument '${stray}'.`);
}

const HELP: Option = { type: 'boolean', short: 'h', help: 'show this help' };

export function help(command: Command): string {
  if (command.subcommands) return overviewOf(command, command.subcommands);
  const rows = Object.entries({ ...command.options, help: HELP }).map(([name, option]): [string, string] => {
    const short = option.short ? `-${option.short}, ` : '    ';
    return [`${short}--${name}${option.value ? ` ${option.value}` : ''}`, option.help];
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `orlop ${[command.name, ...(command.words ?? [])].join(' ')}: ${command.summary}`,
    ...(command.description ? ['', command.description] : []),
    '',
    'Options:',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    ...(command.examples ? ['', 'Examples:', ...command.examples.map((line) => `  ${line}`)] : []),
  ].join('\n');
}

function overviewOf(command: Command, subcommands: readonly Command[]): string {
  const rows = subcommands.map(
    ({ name, words = [], summary }) => [[name, ...words].join(' '), summary] as const,
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `orlop ${command.name}: ${command.summary}`,
    ...(command.description ? ['', command.description] : []),
    '',
    ...rows.map(([left, right]) => `  orlop ${left.padEnd(width)}  ${right}`),
    '',
    `\`orlop ${subcommands[0]!.name} --help\` and the like tell more.`,
  ].join('\n');
}
