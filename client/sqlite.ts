export type { SqliteCursorStoreOptions } from './stores/sqlite-cursor-store.ts';
export { SqliteCursorStore } from './stores/sqlite-cursor-store.ts';
