import { StatusError } from 'orlop/plugin';
import { type Command, help, parse, UsageError } from './command.ts';
import { doctor } from './doctor.ts';
import { kubeconfig } from './kubeconfig.ts';
import { plugin } from './plugin/commands.ts';
import { node, server, up } from './start.ts';
import { status } from './status.ts';
import { version } from './version.ts';

const COMMANDS: readonly Command[] = [up, server, node, kubeconfig, status, plugin, doctor, version];

process.exitCode = await main(process.argv.slice(2));

async function main([name, ...words]: string[]): Promise<number> {
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    console.log(overview());
    return name === undefined ? 2 : 0;
  }
  const top = COMMANDS.find((each) => each.name === (name === '--version' ? 'version' : name));
  if (!top) {
    console.error(`orlop: there is no command "${name}". \`orlop --help\` lists them.`);
    return 2;
  }
  const sub = top.subcommands?.find((each) => each.name === `${name} ${words[0]}`);
  const command = sub ?? top;
  const args = sub ? words.slice(1) : words;
  if (command.subcommands && !['-h', '--help'].includes(words[0] ?? '')) {
    console.error(help(command));
    return 2;
  }
  try {
    const values = parse(command, args);
    if (values['help']) {
      console.log(help(command));
      return 0;
    }
    return await command.run(values);
  } catch (error) {
    return report(command, error);
  }
}

/** A user sees what went wrong and what to do, never a stack trace; `ORLOP_DEBUG=1` adds it. */
function report(command: Command, error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  console.error(`orlop ${command.name}: ${message}`);
  if (error instanceof UsageError) {
    console.error(`\`orlop ${command.name} --help\` lists the options.`);
    return 2;
  }
  if (process.env['ORLOP_DEBUG']) console.error(error);
  else if (!(error instanceof StatusError)) console.error('ORLOP_DEBUG=1 shows where it happened.');
  return 1;
}

function overview(): string {
  const width = Math.max(...COMMANDS.map((command) => command.name.length));
  return [
    'Orlop: a Kubernetes that is a microkernel.',
    '',
    'Usage: orlop COMMAND [OPTIONS]',
    '',
    ...COMMANDS.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`),
    '',
    '`orlop COMMAND --help` tells more. Exit codes: 0 done, 1 failed, 2 used wrongly.',
  ].join('\n');
}
