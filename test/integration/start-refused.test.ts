import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePorts } from '../../chaos/run/backend/ports.ts';
import { findNatsServer } from '../../nats-server/binary.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { AccountOptions } from '../helpers/nats-account.ts';
import { accountConfig, ADMIN } from '../helpers/nats-account.ts';
import { startNats } from '../helpers/nats-server.ts';
import { ServerProcess } from '../helpers/server-process.ts';
import { StockProducer } from '../helpers/stock-producer.ts';

/** What an operator forgot, and what a gateway that is to start says of it. */
const FORGOTTEN: readonly (AccountOptions & { readonly what: string; readonly said: RegExp })[] = [
  {
    what: 'to ask for the stream',
    denyPublish: ['$JS.API.STREAM.INFO.LIVE'],
    said: /permission is missing.*"\$JS\.API\.STREAM\.INFO\.LIVE"/,
  },
  {
    what: 'to create the stream',
    denyPublish: ['$JS.API.STREAM.CREATE.*'],
    said: /permission is missing.*"\$JS\.API\.STREAM\.CREATE\.LIVE"/,
  },
  {
    what: 'to get a message',
    denyPublish: ['$JS.API.STREAM.MSG.GET.>'],
    said: /permission to publish \$JS\.API\.STREAM\.MSG\.GET\.LIVE is missing/,
  },
  {
    what: 'to create a consumer',
    denyPublish: ['$JS.API.CONSUMER.CREATE.>'],
    said: /permission to publish \$JS\.API\.CONSUMER\.CREATE\.LIVE\.\S+\.live\.room\.\S+ is missing/,
  },
  {
    what: 'to read from a consumer',
    denyPublish: ['$JS.API.CONSUMER.MSG.NEXT.>'],
    said: /permission to publish \$JS\.API\.CONSUMER\.MSG\.NEXT\.LIVE\.\S+ is missing/,
  },
  {
    what: 'to delete a consumer',
    denyPublish: ['$JS.API.CONSUMER.DELETE.>'],
    said: /permission to publish \$JS\.API\.CONSUMER\.DELETE\.LIVE\.\S+ is missing/,
  },
  {
    what: 'to listen to what is stored',
    denySubscribe: ['live.feed.*'],
    said: /permission to subscribe to live\.feed\.\S+ is missing/,
  },
  {
    what: 'to listen to ephemeral messages',
    denySubscribe: ['live.eph.*'],
    said: /permission to subscribe to live\.eph\.\S+ is missing/,
  },
  {
    what: 'to publish reliable messages',
    denyPublish: ['live.room.*'],
    said: /does not let the gateway publish live\.room\.\S+/,
  },
  {
    what: 'to tell the other gateways its audiences',
    denyPublish: ['live.gateways'],
    said: /permission to publish live\.gateways is missing/,
  },
  {
    what: 'to hear theirs',
    denySubscribe: ['live.gateways'],
    said: /permission to subscribe to live\.gateways is missing/,
  },
];

describe('a gateway that cannot do what it needs to', () => {
  for (const { what, said, ...denied } of FORGOTTEN) {
    it(`refuses to start without the permission ${what}`, async () => {
      await using nats = await startNats({ config: accountConfig(denied) });
      await assert.rejects(startTestGateway(nats.url), said);
    });
  }

  it('refuses to start without the permission to hear answers', async () => {
    await using nats = await startNats({ config: accountConfig() });
    await nats.reload(accountConfig({ denySubscribe: ['_INBOX.>'] }));
    await assert.rejects(startTestGateway(nats.url), /permission.*_INBOX\./);
  });

  it('refuses to start without JetStream', async () => {
    const [port = 0] = await freePorts(1);
    const nats = spawn(await findNatsServer(), ['--addr', '127.0.0.1', '--port', String(port)], {
      stdio: 'ignore',
    });
    try {
      await assert.rejects(
        startTestGateway(`nats://127.0.0.1:${port}`),
        /JetStream is not enabled for this account or server: enable it/,
      );
    } finally {
      nats.kill('SIGKILL');
      await once(nats, 'exit');
    }
  });

  it('refuses to start beyond the limit on subscriptions', async () => {
    await using nats = await startNats({ config: 'max_subscriptions: 4' });
    await assert.rejects(startTestGateway(nats.url), /maximum subscriptions exceeded: raise the limit/);
  });

  it('stores nothing when it starts', async () => {
    await using nats = await startNats({ config: accountConfig() });
    await using _gateway = await startTestGateway(nats.url);
    await using producer = await StockProducer.connect(nats.url, 'LIVE', ADMIN);
    assert.equal((await producer.state()).lastSeq, 0);
    assert.deepEqual(await producer.consumers(), []);
  });

  it('ends with exit code 3, and says why in one line', async () => {
    await using nats = await startNats({
      config: accountConfig({ denyPublish: ['$JS.API.CONSUMER.CREATE.>'] }),
    });
    await using gateway = new ServerProcess(['--nats', nats.url, '--listen', '127.0.0.1:0']);
    assert.equal(await gateway.exit(), 3);
    assert.match(
      gateway.stderr,
      /^live-server: permission to publish \$JS\.API\.CONSUMER\.CREATE\.LIVE\.\S+ is missing\n$/,
    );
  });
});
