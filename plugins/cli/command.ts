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
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}.`);
  }
}

const HELP: Option = { type: 'boolean', short: 'h', help: 'show this help' };

export function help(command: Command): string {
  const rows = Object.entries({ ...command.options, help: HELP }).map(([name, option]): [string, string] => {
    const short = option.short ? `-${option.short}, ` : '    ';
    return [`${short}--${name}${option.value ? ` ${option.value}` : ''}`, option.help];
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `orlop ${command.name}: ${command.summary}`,
    ...(command.description ? ['', command.description] : []),
    '',
    'Options:',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    ...(command.examples ? ['', 'Examples:', ...command.examples.map((line) => `  ${line}`)] : []),
  ].join('\n');
}
