import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('orlop/package.json') as { version: string };

/** This package's version. */
export const VERSION = version;
