export * from '../core/index.ts';
export { IndexedDbCursorStore } from './indexed-db-cursor-store.ts';
export type { BrowserClientOptions } from './live-client.ts';
export { LiveClient } from './live-client.ts';
