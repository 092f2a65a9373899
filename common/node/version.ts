import { createRequire } from 'node:module';

const manifest = createRequire(import.meta.url)('live-gateway/package.json') as { version: string };

/** This package's version, as in package.json. */
export const VERSION = manifest.version;
