import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { reasons } from '../../protos/reasons.ts';
import { statusName } from '../../protos/status-codes.ts';
import { HTTP_STATUS } from '../../server/transport/http/statuses.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import { startNats } from '../helpers/nats-server.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PATH = [join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
const run = promisify(execFile);
const itWithCurl = spawnSync('curl', ['--version']).status === 0 ? it : it.skip;

describe('docs/http.md', () => {
  let text: string;

  before(async () => {
    text = await readFile(join(ROOT, 'docs/http.md'), 'utf8');
  });

  it('has the statuses that failures are told with', () => {
    const told = new Set(Object.values(reasons).map(({ code }) => statusName(code)));
    const rows = [...text.matchAll(/`([A-Z_]+)` +\| (\d{3})/g)].map(([, name, status]) => [
      name,
      Number(status),
    ]);
    const expected = Object.entries(HTTP_STATUS).filter(([name]) => told.has(name));
    assert.deepEqual(new Map(rows as [string, number][]), new Map(expected));
  });

  itWithCurl('has lines that work as they are', async () => {
    await using nats = await startNats();
    await using gateway = await startTestGateway(nats.url, { http: { host: '127.0.0.1', port: 0 } });
    const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block);
    await using directory = await tempDir();
    await writeFile(join(directory.path, '.curlrc'), 'silent\nshow-error\nfail-with-body\n');
    const script = [
      'set -euo pipefail',
      ...blocks,
      // The one that watches.
      'kill %1',
    ].join('\n');
    assert.ok(script.includes('http://127.0.0.1:8080'));
    const { stdout } = await run(
      'bash',
      ['-c', script.replaceAll('http://127.0.0.1:8080', `http://${gateway.http}`)],
      { cwd: ROOT, env: { ...process.env, PATH, CURL_HOME: directory.path } },
    );
    for (const answer of ['"payload":"a rose"', '"duplicate":false', '"payloadBase64":"/wA="', '"head": "'])
      assert.ok(stdout.includes(answer), `${answer} in ${stdout}`);
  });
});
