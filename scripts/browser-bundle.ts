/* Writes dist/browser/live-gateway.js: the client for pages as one ES module that needs nothing else. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/** The oldest browsers that it is for; each has all that it uses. */
const BROWSERS = ['chrome103', 'edge103', 'firefox113', 'safari16.4'];

/** The client for pages, bundled. */
export async function browserBundle(): Promise<{ readonly code: string; readonly inputs: string[] }> {
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
  return { code: output.text, inputs: Object.keys(metafile.inputs) };
}

if (import.meta.filename === process.argv[1]) {
  mkdirSync('dist/browser', { recursive: true });
  writeFileSync('dist/browser/live-gateway.js', (await browserBundle()).code);
}
