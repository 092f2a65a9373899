import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { browserBundle } from '../../scripts/browser-bundle.ts';

/** What a page pays at most for all of the client, in bytes. */
const MAX_GZIP_BYTES = 30 * 1024;

describe('live-gateway/browser', () => {
  it('is one module of at most 30 KiB, minified and gzipped, with everything in it', async () => {
    const { code, imports } = await browserBundle();
    assert.deepEqual(imports, []);
    const bytes = gzipSync(code).length;
    console.log(`      live-gateway/browser: ${bytes} bytes, minified and gzipped`);
    assert.ok(bytes <= MAX_GZIP_BYTES, `${bytes} bytes`);
  });

  it('has nothing of Node and no package in it', async () => {
    const { code, inputs } = await browserBundle();
    assert.deepEqual(
      inputs.filter(
        (input) => !/^(client\/(browser|core|transports\/websocket)|common|protos)\//.test(input),
      ),
      [],
    );
    assert.ok(!/\b(Buffer|require)\b/.test(code));
  });
});
