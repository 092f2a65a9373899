import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An empty directory; `await using` removes it with what is in it. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** Makes an empty directory under the system's temporary one. */
export async function tempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), 'live-test-'));
  return { path, [Symbol.asyncDispose]: () => removeDirectory(path) };
}

/** Removes a directory with what is in it, also where a process that is ending still writes into it. */
export function removeDirectory(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
