/**
 * `orlop/plugin`: everything a plugin may import. No side effects on import.
 * @module
 */
export * from './blobs/index.ts';
export * from './bus.ts';
export * from './claim.ts';
export * from './config.ts';
export * from './controller.ts';
export * from './deadline.ts';
export * from './declaration.ts';
export * from './errors.ts';
export * from './frozen.ts';
export * from './graph.ts';
export * from './isolation.ts';
export * from './kinds/index.ts';
export * from './lasting.ts';
export * from './model/index.ts';
export * from './objects.ts';
export * from './plugin.ts';
export * from './presence/index.ts';
export * from './privatefile.ts';
