import assert from 'node:assert/strict';
import type { Identity } from '../helpers/certificates.ts';
import { Authority } from '../helpers/certificates.ts';
import { HandEventSource } from '../helpers/event-source.ts';
import { postJson } from '../helpers/post-json.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const VIEWERS = 6;

describe('Resumable: server-sent events and JSON of live-server --workers', () => {
  let nats: TestNats;
  let directory: TempDir;
  let authority: Authority;
  let identity: Identity;

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    authority = await Authority.create(directory.path);
    identity = await authority.issue();
  });

  after(async () => {
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  for (const scheme of ['http', 'https'] as const)
    it(`by ${scheme} all workers serve one port: a message is stored once, whichever is asked again, and all viewers get it`, async () => {
      const tls = scheme === 'https' ? ['--tls-cert', identity.certFile, '--tls-key', identity.keyFile] : [];
      await using server = await ServerProcess.start(
        nats.url,
        ...['--workers', '2', '--http', '127.0.0.1:0', '--drain', '300ms', ...tls],
      );
      const ready = server.log.filter(({ msg }) => msg === 'ready');
      assert.equal(ready.length, 1);
      const base = `${scheme}://${String(ready[0]?.['http'])}/v1/rooms/${scheme}`;
      const { ca } = authority;
      const viewers = Array.from(
        { length: VIEWERS },
        () => new HandEventSource(`${base}/events?from=earliest`, { ca }),
      );
      try {
        for (const viewer of viewers) await viewer.next('caught-up');
        const message = { type: 'gift', payload: 'rose' };
        const headers = { 'idempotency-key': 'order-1' };
        const answers: unknown[] = [];
        // Each on a connection of its own: they are dealt to the workers.
        for (let n = 0; n < VIEWERS; n++)
          answers.push((await postJson(`${base}/messages`, message, { headers, ca })).body);
        const [first, ...again] = answers as { seq: number; duplicate: boolean }[];
        assert.equal(first?.duplicate, false);
        for (const answer of again) assert.deepEqual(answer, { seq: first.seq, duplicate: true });
        for (const viewer of viewers) assert.equal((await viewer.next('message')).data['payload'], 'rose');
        server.signal('SIGTERM');
        for (const viewer of viewers) assert.equal((await viewer.next('go-away')).data['reason'], 'DRAINING');
        assert.equal(await server.exit(), 0);
        for (const viewer of viewers) assert.deepEqual(viewer.payloads, ['rose']);
      } finally {
        for (const viewer of viewers) viewer.close();
      }
    });
});
