import assert from 'node:assert/strict';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** What there is in browsers, workers, Deno, Bun and Node alike, and the client needs beside the language. */
const everywhere = {
  AbortController,
  AbortSignal,
  TextDecoder,
  TextEncoder,
  clearInterval,
  clearTimeout,
  crypto,
  performance,
  queueMicrotask,
  setInterval,
  setTimeout,
};

/** A module and all that it imports as one script for a browser: whatever has to be left out of it fails. */
async function bundle(entry: string) {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'bundled',
    minify: true,
    target: 'es2023',
  });
  return { code: outputFiles[0]!.text, inputs: Object.keys(metafile.inputs) };
}

describe('client core', () => {
  it('runs where there is nothing of Node', async () => {
    const { code, inputs } = await bundle('test/helpers/anywhere-application.ts');
    assert.deepEqual(
      inputs.filter((input) => !/^(client\/core|common|protos|test\/helpers)\//.test(input)),
      [],
    );
    const context = createContext({ ...everywhere });
    assert.equal(
      runInContext('typeof Buffer + typeof process + typeof require', context),
      'undefined'.repeat(3),
    );
    const seen = (await runInContext(`${code}; bundled.run()`, context)) as string[];
    assert.deepEqual(
      [...seen],
      [
        'connecting',
        'joined STARTED',
        'one',
        'two',
        'joined RESUMED',
        'three',
        'four',
        'published 5 with 1 key of 36 characters',
        'head 4',
        'end',
      ],
    );
    const core = await bundle('client/core/client.ts');
    console.log(`      client/core: ${gzipSync(core.code).length} bytes, minified and gzipped`);
  });
});
