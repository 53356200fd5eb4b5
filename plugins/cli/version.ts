import { VERSION } from '../../kernel/version.ts';
import type { Command } from './command.ts';

export const version: Command = {
  name: 'version',
  summary: 'print the version of Orlop and of what it runs on',
  options: {},
  async run() {
    console.log(`orlop ${VERSION}`);
    console.log(`node ${process.versions.node} on ${process.platform}/${process.arch}`);
    return 0;
  },
};
