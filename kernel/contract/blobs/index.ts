export * from './client.ts';
export * from './content.ts';
export * from './guard.ts';
export * from './pieces.ts';
export * from './reference.ts';
