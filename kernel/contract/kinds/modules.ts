import { service } from '../plugin.ts';

/** `modules.v1`: brings to this machine the modules of plugins that are kept in the cluster. Called by the host before it loads one. */
export interface ModuleSource {
  /**
   * The `file:` URL of the module `blob:sha256-...` refers to, with everything it imports beside it; the same for the same reference. Throws `NotFound`
   * when there is no such blob, `Invalid` when it is no bundle.
   */
  locate(reference: string): Promise<string>;
}

export const ModuleSource = service<ModuleSource>('modules.v1');
