import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTestGateway } from '../helpers/gateway.ts';
import { startNats } from '../helpers/nats-server.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { tempDir } from '../helpers/temp-dir.ts';

/** Where `test/http/setup.sh` has put it. */
const SCHEMATHESIS = join(process.env['LIVE_TEST_SCHEMATHESIS'] ?? '', 'venv/bin/schemathesis');
const run = promisify(execFile);

const whereThereIs =
  process.env['LIVE_TEST_SCHEMATHESIS'] !== undefined && existsSync(SCHEMATHESIS) ? describe : describe.skip;

whereThereIs('with Schemathesis', () => {
  it('what is served over HTTP is what docs/openapi.json says, for whatever is sent', async () => {
    await using nats = await startNats();
    await using gateway = await startTestGateway(nats.url, { http: { host: '127.0.0.1', port: 0 } });
    await using producer = await StockProducer.connect(nats.url);
    await producer.publish('demo', 'hello');
    const page = await fetch(`http://${gateway.http}/v1/rooms/demo/messages`);
    const { cursor } = (await page.json()) as { cursor: string };
    await using directory = await tempDir();
    const config = join(directory.path, 'schemathesis.toml');
    // What is opaque cannot be made up.
    await writeFile(config, `[parameters]\nafter = "${cursor}"\n`);
    await run(
      SCHEMATHESIS,
      [
        ...['--config-file', config, 'run', `http://${gateway.http}/v1/openapi.json`],
        // Its answer has no end.
        ...['--exclude-operation-id', 'watch', '--max-examples', '20', '--suppress-health-check', 'all'],
        ...['--seed', process.env['LIVE_TEST_SEED'] ?? '1'],
      ],
      { cwd: directory.path, maxBuffer: 2 ** 24 },
    ).catch((error: unknown) => {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${stdout}\n${stderr}`, { cause: error });
    });
  });
});
