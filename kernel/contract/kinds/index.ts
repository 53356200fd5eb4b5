export * from './apiserver.ts';
export * from './auth.ts';
export * from './loadbalancer.ts';
export * from './network.ts';
export * from './node.ts';
export * from './runtime.ts';
export * from './secrets.ts';
export * from './volume.ts';
