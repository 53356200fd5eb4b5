/**
 * `orlop/conformance`: one suite per plugin kind that has something to conform to. Each takes a test (that of `runChecks`, or tap's), a name
 * for the plugin, and a function that makes what it looks at.
 * @module
 */
export * from './admission.ts';
export * from './apiserver/index.ts';
export * from './auth.ts';
export * from './authorizer.ts';
export * from './ca.ts';
export { type Checks, runChecks } from './checks.ts';
export * from './controller.ts';
export * from './ingress/index.ts';
export * from './loadbalancer.ts';
export * from './modules.ts';
export * from './network.ts';
export * from './node.ts';
export * from './presence.ts';
export * from './runtime.ts';
export * from './runtime-fixture.ts';
export * from './scheduler.ts';
export * from './scoring.ts';
export * from './secrets.ts';
export * from './tokens.ts';
export * from './volume.ts';
export * from './write-admission.ts';
