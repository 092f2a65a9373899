/* Writes dist/demo: the page of the demo room, which needs nothing from elsewhere. */
import { copyFile, mkdir } from 'node:fs/promises';
import { build } from 'esbuild';
import { BROWSERS } from './browser-bundle.ts';

/** Makes the page from `demo/`. */
export async function demoPage(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await copyFile('demo/index.html', `${folder}/index.html`);
  await build({
    entryPoints: { demo: 'demo/main.ts' },
    outdir: folder,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    minify: true,
    target: BROWSERS,
  });
  await build({
    entryPoints: ['demo/demo.css'],
    outdir: folder,
    bundle: true,
    minify: true,
    target: BROWSERS,
  });
}

if (import.meta.filename === process.argv[1]) await demoPage('dist/demo');
