import assert from 'node:assert/strict';
import { StreamMismatchError } from '../../server/nats/stream/stream.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { HubAndLeaf } from '../helpers/leaf-node.ts';
import { startHubAndLeaf } from '../helpers/leaf-node.ts';
import { startNats } from '../helpers/nats-server.ts';
import { StockProducer } from '../helpers/stock-producer.ts';
import { Witness } from '../helpers/witness.ts';

describe('a leaf node with a JetStream of its own', () => {
  let servers: HubAndLeaf;

  beforeEach(async () => {
    servers = await startHubAndLeaf();
  });

  afterEach(() => servers[Symbol.asyncDispose]());

  it('a gateway on it does not create the stream once more', async () => {
    await using _hub = await startTestGateway(servers.hub.url);
    await assert.rejects(startTestGateway(servers.leaf.url), (error: Error) => {
      assert.ok(error instanceof StreamMismatchError);
      assert.match(error.message, /LIVE in another JetStream domain stores live\.room\.\*/);
      assert.match(error.message, /--js-domain \(asked was leaf\)/);
      return true;
    });
    await using leaf = await StockProducer.connect(servers.leaf.url);
    await assert.rejects(leaf.jsm.streams.info('LIVE'), /stream not found/);
  });

  it('a gateway does not start between two streams that would both store a message', async () => {
    await using _hub = await startTestGateway(servers.hub.url);
    await using leaf = await StockProducer.connect(servers.leaf.url);
    await leaf.jsm.streams.add({ name: 'OWN', subjects: ['live.room.*'] });
    await assert.rejects(startTestGateway(servers.hub.url), /2 streams store live\.room\.\*: .*OWN/);
  });

  it('serves the stream of the domain that it is told', async () => {
    await using hub = await startTestGateway(servers.hub.url);
    await using leaf = await startTestGateway(servers.leaf.url, { jsDomain: 'hub' });
    const there = new Witness(hub.client(), 'demo');
    const here = new Witness(leaf.client(), 'demo');
    await Promise.all([there.caughtUp(), here.caughtUp()]);
    const { seq } = await leaf.client().publish('demo', { type: 'gift', payload: 'rose' });
    assert.equal(seq, 1n);
    await Promise.all([there.has(1), here.has(1)]);
    const replayed = new Witness(leaf.client(), 'demo', { from: 'earliest' });
    await replayed.has(1);
    assert.equal((await leaf.client().room('demo')).epoch, (await hub.client().room('demo')).epoch);
  });
});

describe('another stream with the same subjects', () => {
  it('is named, with what to do', async () => {
    await using nats = await startNats();
    await using operator = await StockProducer.connect(nats.url);
    await operator.jsm.streams.add({ name: 'OTHER', subjects: ['live.>'] });
    await assert.rejects(
      startTestGateway(nats.url),
      /the subjects live\.room\.\* are stored by another stream: OTHER\. .*--subject-prefix/,
    );
  });
});
