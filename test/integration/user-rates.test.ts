import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceError } from '@grpc/grpc-js';
import { credentials, Metadata } from '@grpc/grpc-js';
import type { LiveError } from '../../client/index.ts';
import { LiveStub } from '../../protos/live.ts';
import { decodeStatusDetails, STATUS_DETAILS_KEY } from '../../protos/status-details.ts';
import { startTestGateway } from '../helpers/gateway.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { SkippingClock } from '../helpers/skipping-clock.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { inSeconds, SECRET, token } from '../helpers/tokens.ts';

describe('Isolated: a gateway that counts what each user does', () => {
  let nats: TestNats;
  let directory: TempDir;
  let jwtSecretFile: string;

  before(async () => {
    nats = await startNats();
    directory = await tempDir();
    jwtSecretFile = join(directory.path, 'secret');
    await writeFile(jwtSecretFile, SECRET);
  });

  after(async () => {
    await nats.stop();
    await directory[Symbol.asyncDispose]();
  });

  const ann = (limits: object): string =>
    token({ sub: 'ann', exp: inSeconds(600), roles: ['publisher'], limits });

  it('counts what a user publishes by all streams and calls, and says when there is more', async () => {
    await using gateway = await startTestGateway(nats.url, { jwtSecretFile }, { clock: new SkippingClock() });
    const given = ann({ 'publish:like': 0.001, publish: 1_000 });
    const like = { type: 'like', payload: 'x' };
    await gateway.client({ token: given }).publish('r', like);
    await assert.rejects(gateway.client({ token: given }).publish('r', like), (error: LiveError) => {
      assert.deepEqual([error.codeName, error.reason], ['RESOURCE_EXHAUSTED', 'RATE_LIMITED']);
      assert.match(error.message, /too many likes: 0\.001 a second are allowed/);
      assert.ok(error.retryAfterMs > 900_000 && error.retryAfterMs <= 1_000_000, String(error.retryAfterMs));
      return true;
    });
    const stub = new LiveStub(gateway.address, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${given}`);
    const request = { room: 'r', type: 'like', payload: Buffer.from('x') };
    const error = await new Promise<ServiceError | null>((resolve) =>
      stub.publish(request, metadata, (refused: ServiceError | null) => resolve(refused)),
    );
    stub.close();
    const told = decodeStatusDetails(error?.metadata.get(STATUS_DETAILS_KEY)[0] as Buffer);
    assert.equal(told.reason, 'RATE_LIMITED');
    assert.ok((told.retryAfterMs ?? 0) > 900_000, 'RetryInfo');
    await gateway.client({ token: given }).publish('r', { type: 'comment', payload: 'of another type' });
  });

  it('has reliable messages of our client wait until there is more: all are stored, once', async () => {
    const clock = new SkippingClock();
    await using gateway = await startTestGateway(nats.url, { jwtSecretFile }, { clock });
    const limits = { 'publish:gift': 0.1 };
    const told: string[] = [];
    const quiet = (): void => undefined;
    const logger = {
      debug: (message: string) => void told.push(message),
      info: quiet,
      warn: quiet,
      error: quiet,
    };
    const bob = token({ sub: 'bob', roles: ['publisher'], limits });
    const client = gateway.client({ clock, logger, token: bob });
    const publish = (payload: string): Promise<unknown> =>
      client.publish('waits', { type: 'gift', payload }, { timeoutMs: 600_000 });
    await publish('first');
    const second = publish('second');
    await until('the second is to be tried again', () => told.includes('a publish is tried again'));
    clock.skip(10_000);
    await second;
    const stored: string[] = [];
    for await (const event of client.pull('waits'))
      if (event.kind === 'message') stored.push(Buffer.from(event.message.payload).toString());
    assert.deepEqual(stored, ['first', 'second']);
  });

  it('counts joins of a user by all streams, and lets others join', async () => {
    await using gateway = await startTestGateway(nats.url, { jwtSecretFile }, { clock: new SkippingClock() });
    const joined = async (user: string): Promise<string> => {
      const client = gateway.client({ token: token({ sub: user, limits: { join: 0.001 } }) });
      for await (const event of client.join(`room-of-${user}`)) {
        if (event.kind === 'caught-up') return 'joined';
        if (event.kind === 'retrying') return event.error.reason;
      }
      return 'ended';
    };
    assert.deepEqual(
      [await joined('cat'), await joined('cat'), await joined('dog')],
      ['joined', 'RATE_LIMITED', 'joined'],
    );
  });

  it('counts reads of a user, whichever way they come, and says when there is more', async () => {
    const settings = { jwtSecretFile, http: { host: '127.0.0.1', port: 0 } };
    await using gateway = await startTestGateway(nats.url, settings, { clock: new SkippingClock() });
    await gateway.client({ token: ann({}) }).publish('read', { type: 'gift', payload: 'x' });
    const reader = token({ sub: 'eve', limits: { read: 0.2 } });
    const client = gateway.client({ token: reader });
    const overHttp = (path: string): Promise<Response> =>
      fetch(`http://${gateway.http}/v1/rooms/read${path}`, {
        headers: { authorization: `Bearer ${reader}` },
      });
    assert.equal((await client.room('read')).count, 1n);
    assert.equal((await overHttp('')).status, 200);
    const refused = await overHttp('/messages');
    assert.deepEqual(
      [
        refused.status,
        ((await refused.json()) as { reason: string }).reason,
        refused.headers.get('retry-after'),
      ],
      [429, 'RATE_LIMITED', '5'],
    );
    for (const read of [() => client.room('read'), () => client.pull('read').next()])
      await assert.rejects(read(), {
        reason: 'RATE_LIMITED',
        message: /too many reads of rooms: 0\.2 a second/,
      });
  });

  it('counts by stream where nobody is asked who he is', async () => {
    await using gateway = await startTestGateway(nats.url, { userEphemeralRate: 1 });
    const like = { type: 'like', payload: 'x' };
    const likes = async (): Promise<number> => {
      const client = gateway.client();
      const sent = await Promise.allSettled(Array.from({ length: 200 }, () => client.publish('r', like)));
      return sent.filter(({ status }) => status === 'fulfilled').length;
    };
    for (let viewer = 0; viewer < 2; viewer++) {
      const passed = await likes();
      assert.ok(passed >= 10 && passed < 200, String(passed));
    }
  });
});
