import { type GraphNode, ModuleSource, SecretsEncoding, WriteAdmission } from '../contract/index.ts';
import { VERSION } from '../version.ts';

/** What the kernel itself uses in its own thread, as a plugin would. */
export const KERNEL: GraphNode = {
  name: 'kernel',
  place: 'inline',
  declaration: {
    ...{ name: 'kernel', kind: 'kernel.v1', version: VERSION, description: '', start: () => ({}) },
    requires: { encoding: SecretsEncoding, modules: ModuleSource, admission: WriteAdmission },
  },
};
