export {
  type LoadedPlugin,
  type Loaders,
  loadDeclaration,
  loadPlugin,
  type PluginEntry,
  type PluginSource,
} from './declaration.ts';
export { type Follow, Host, type HostOptions } from './host.ts';
export type { Crashes } from './report.ts';
export { TIMING, type Timing } from './run.ts';
export type { PluginStatus } from './status.ts';
export type { WorkerSettings } from './worker.ts';
