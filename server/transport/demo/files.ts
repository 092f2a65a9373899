import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** A file of the page, as it is served. */
export interface DemoFile {
  readonly type: string;
  readonly bytes: Buffer;
}

/** All that the page is made of, under the paths that it is served at. */
const FILES = [
  ['/demo/', 'index.html', 'text/html; charset=utf-8'],
  ['/demo/demo.js', 'demo.js', 'text/javascript; charset=utf-8'],
  ['/demo/demo.css', 'demo.css', 'text/css; charset=utf-8'],
] as const;

/**
 * Reads what `npm run build` has made of the page, by the paths that it is served at.
 * @throws when it was not built
 */
export async function readDemoFiles(): Promise<ReadonlyMap<string, DemoFile>> {
  const manifest = createRequire(import.meta.url).resolve('live-gateway/package.json');
  const folder = new URL('dist/demo/', pathToFileURL(manifest));
  try {
    const read = FILES.map(async ([path, name, type]): Promise<[string, DemoFile]> => [
      path,
      { type, bytes: await readFile(new URL(name, folder)) },
    ]);
    return new Map(await Promise.all(read));
  } catch (cause) {
    const text = 'the page of the demo cannot be read: npm run build makes it, --demo false does without it';
    throw new Error(text, { cause });
  }
}
