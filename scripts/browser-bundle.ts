/* Writes dist/browser/live-gateway.js: the client for pages as one ES module that needs nothing else. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/** The oldest browsers that it is for; each has all that it uses. */
export const BROWSERS = ['chrome103', 'edge103', 'firefox113', 'safari16.4'];

/** The client for pages, bundled: the code, what files it is made of, and what it imports when it runs. */
export interface BrowserBundle {
  readonly code: string;
  readonly inputs: readonly string[];
  readonly imports: readonly string[];
}

/** Bundles it. */
export async function browserBundle(): Promise<BrowserBundle> {
  const { outputFiles, metafile } = await build({
    entryPoints: ['client/browser/index.ts'],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'esm',
    minify: true,
    target: BROWSERS,
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error('there is no bundle');
  const imports = Object.values(metafile.outputs).flatMap((each) => each.imports.map(({ path }) => path));
  return { code: output.text, inputs: Object.keys(metafile.inputs), imports };
}

if (import.meta.filename === process.argv[1]) {
  mkdirSync('dist/browser', { recursive: true });
  writeFileSync('dist/browser/live-gateway.js', (await browserBundle()).code);
}
