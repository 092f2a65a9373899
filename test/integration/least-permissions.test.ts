import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'nats';
import type { ConnectionOptions, NatsConnection as NatsClient } from 'nats';
import { LiveClient } from '../../client/index.ts';
import type { From, RoomEvent } from '../../client/index.ts';
import { systemClock } from '../../common/clock.ts';
import { defaultConfig } from '../../server/config/config.ts';
import type { ServerConfig } from '../../server/config/config.ts';
import type { Gateway } from '../../server/gateway/gateway.ts';
import { startGateway } from '../../server/gateway/gateway.ts';
import { natsAccess } from '../../server/gateway/nats-access.ts';
import type { NatsAccess } from '../../server/nats/access/access.ts';
import { BucketNames, exclusionsBucket, roomsBucket } from '../../server/nats/bucket/bucket-names.ts';
import { bucketConfig } from '../../server/nats/bucket/bucket-writes.ts';
import { connectNats } from '../../server/nats/connection/connection.ts';
import { Subjects } from '../../server/nats/connection/subjects.ts';
import { isCreator } from '../../server/nats/stream/creator.ts';
import { streamConfig } from '../../server/nats/stream/stream.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { Authority } from '../helpers/certificates.ts';
import { askForBan } from '../helpers/moderating.ts';
import { until } from '../helpers/poll.ts';
import { SecuredNats } from '../helpers/secured-nats.ts';
import type { TempDir } from '../helpers/temp-dir.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { SECRET, token } from '../helpers/tokens.ts';

const EXAMPLE = new URL('../../deploy/nats.conf', import.meta.url);
const PASSWORDS = {
  GATEWAY_PASSWORD: 'secret-of-gateway',
  PRODUCER_PASSWORD: 'secret-of-producer',
  OPERATOR_PASSWORD: 'secret-of-operator',
  SYSTEM_PASSWORD: 'secret-of-system',
};
const INBOX = '_INBOX_producer';
const CREATES = '# creates';
const BUCKET = new BucketNames(exclusionsBucket('LIVE'));
/** Of whoever watches, publishes and moderates. */
const TOKEN = token({ sub: 'ann', roles: ['moderator'] });

/** A permission of the gateway in the example, by its line. */
interface Permission {
  readonly line: number;
  readonly subject: string;
  readonly operation: 'publish' | 'subscribe';
}

/** Those of the user `gateway`. */
function permissionsOf(example: string): Permission[] {
  const permissions: Permission[] = [];
  let operation: Permission['operation'] | undefined;
  let inside = false;
  for (const [line, text] of example.split('\n').entries()) {
    const [, user] = /^ +user: (\w+)$/.exec(text) ?? [];
    if (user !== undefined) inside = user === 'gateway';
    const [, begun] = /^ +(publish|subscribe): \{$/.exec(text) ?? [];
    if (begun !== undefined) operation = begun as Permission['operation'];
    const [, subject] = /^ +"(\S+)"/.exec(text) ?? [];
    if (inside && subject !== undefined && operation !== undefined)
      permissions.push({ line, subject, operation });
  }
  return permissions;
}

/** What the answer to a moderator is. */
const ban = (gateway: Gateway | undefined, user: string): Promise<string> =>
  askForBan(gateway?.address ?? '', TOKEN, { user });

const textOf = (payload: Uint8Array): string => Buffer.from(payload).toString();
const without = (text: string, drop: (line: string, index: number) => boolean): string =>
  text
    .split('\n')
    .filter((line, index) => !drop(line, index))
    .join('\n');

const TEXT = await readFile(EXAMPLE, 'utf8');
const permissions = permissionsOf(TEXT);

describe('deploy/nats.conf', () => {
  let directory: TempDir;
  let authority: Authority;
  /** The example with the files of this test. */
  let config: string;
  let passwordFile: string;
  let secretFile: string;
  let lines: string[];

  before(async () => {
    directory = await tempDir();
    authority = await Authority.create(directory.path);
    const { certFile, keyFile } = await authority.issue();
    config = TEXT.replace('/etc/nats/server.pem', certFile)
      .replace('/etc/nats/server.key', keyFile)
      .replace('store_dir: "/var/lib/nats"', '');
    passwordFile = join(directory.path, 'password');
    await writeFile(passwordFile, PASSWORDS.GATEWAY_PASSWORD);
    secretFile = join(directory.path, 'secret');
    await writeFile(secretFile, SECRET);
  });

  after(() => directory[Symbol.asyncDispose]());

  beforeEach(() => {
    lines = [];
  });

  const settings = (nats: SecuredNats): ServerConfig =>
    defaultConfig({
      listen: { host: '127.0.0.1', port: 0 },
      nats: [nats.url],
      natsUser: 'gateway',
      natsPasswordFile: passwordFile,
      natsCa: authority.caFile,
      heartbeatMs: 500,
      jwtSecretFile: secretFile,
      roomState: true,
    });

  const logger = createLogger('debug', { write: (line) => void lines.push(line) });
  const gatewayOn = (nats: SecuredNats): Promise<Gateway> => startGateway(settings(nats), logger);

  const login = (nats: SecuredNats, user: string, options: ConnectionOptions = {}): Promise<NatsClient> =>
    connect({
      servers: nats.url,
      user,
      pass: PASSWORDS[`${user.toUpperCase()}_PASSWORD` as keyof typeof PASSWORDS],
      tls: { caFile: authority.caFile },
      maxReconnectAttempts: -1,
      reconnectTimeWait: 20,
      ...options,
    });

  async function operatorCreates(nats: SecuredNats): Promise<void> {
    const operator = await login(nats, 'operator');
    const jsm = await operator.jetstreamManager();
    await jsm.streams.add(streamConfig({ settings: defaultConfig(), subjects: new Subjects() }));
    await jsm.streams.add(bucketConfig(BUCKET, 1));
    await jsm.streams.add(bucketConfig(new BucketNames(roomsBucket('LIVE')), 1));
    const kv = await operator.jetstream().views.kv(BUCKET.bucket);
    await kv.put('ban.eve', '');
    await operator.close();
  }

  for (const creator of ['gateway', 'operator'] as const) {
    it(`is all that gateways and producers need, where the ${creator} creates the stream`, async () => {
      const text = creator === 'gateway' ? config : without(config, (line) => line.endsWith(CREATES));
      await using nats = await SecuredNats.start(text, PASSWORDS);
      if (creator === 'operator') await operatorCreates(nats);
      const gateways = [await gatewayOn(nats), await gatewayOn(nats)];
      const clients = [0, 1, 0].map(
        (index) => new LiveClient({ endpoints: [gateways[index]?.address ?? ''], token: TOKEN }),
      );
      const [here, there, elsewhere] = clients as [LiveClient, LiveClient, LiveClient];
      const producer = await login(nats, 'producer', { inboxPrefix: INBOX });

      const seen: RoomEvent[][] = [];
      const watch = (client: LiveClient, from: From): RoomEvent[] => {
        const events: RoomEvent[] = [];
        seen.push(events);
        void (async () => {
          for await (const event of client.join('tea', { from })) events.push(event);
        })().catch(() => undefined);
        return events;
      };
      const payloads = (events: readonly RoomEvent[]): string[] =>
        events.flatMap((event) =>
          event.kind === 'message' || event.kind === 'ephemeral' ? [textOf(event.message.payload)] : [],
        );
      const all = (payload: string): Promise<unknown> =>
        until(`all have ${payload}`, () => seen.every((events) => payloads(events).includes(payload)));

      const { seq } = await here.publish('tea', { type: 'gift', payload: 'one' });
      await producer.jetstream().publish('live.room.tea', 'two');
      watch(here, 'earliest');
      watch(there, { last: 2 });
      watch(elsewhere, { sinceMs: 0 });
      await all('two');
      await there.publish('tea', { type: 'gift', payload: 'three' });
      await all('three');
      await here.publish('tea', { type: 'pin', payload: 'welcome' });
      await until('all know what is pinned', () =>
        seen.every((events) => events.some((event) => event.kind === 'room-state' && event.state.pinned)),
      );
      await here.publish('tea', { type: 'comment', payload: 'hello' });
      producer.publish('live.eph.tea', 'hello from behind');
      await all('hello');
      await all('hello from behind');
      await until('the audience is that of both', () =>
        seen.every((events) => events.some((event) => event.kind === 'audience' && event.count === 3)),
      );
      assert.equal((await there.room('tea')).first, seq);
      const pulled: string[] = [];
      for await (const event of here.pull('tea'))
        if (event.kind === 'message') pulled.push(textOf(event.message.payload));
      assert.deepEqual(pulled, ['one', 'two', 'three', 'welcome']);

      const bob = new LiveClient({
        endpoints: [gateways[1]?.address ?? ''],
        token: token({ sub: 'bob' }),
      });
      await bob.join('tea')[Symbol.asyncIterator]().next();
      assert.equal(await ban(gateways[0], 'bob'), 'OK');
      await until('bob is out, by the other gateway', () => bob.state.kind === 'closed');
      if (creator === 'operator') {
        const eve = new LiveClient({ endpoints: [gateways[0]?.address ?? ''], token: token({ sub: 'eve' }) });
        await assert.rejects(eve.room('tea'), { reason: 'USER_BANNED' });
        await eve.close();
      }

      await nats.restart();
      await here.publish('tea', { type: 'gift', payload: 'four' });
      await all('four');
      await Promise.all(gateways.map((gateway) => gateway.drain(0)));
      await Promise.all([...clients, bob].map((client) => client.close()));
      await producer.close();
      assert.deepEqual(
        lines.filter((line) => /permission/i.test(line)),
        [],
      );
      assert.doesNotMatch(await nats.log(), /Permissions? Violation/i);
    });
  }

  it('lets producers read nothing, and touch nothing', async () => {
    await using nats = await SecuredNats.start(config, PASSWORDS);
    const producer = await login(nats, 'producer', { inboxPrefix: INBOX });
    for (const subject of ['live.feed.*', '_INBOX.>', 'live.gateways', '$JS.>']) {
      const refused = new Promise((resolve) => {
        producer.subscribe(subject, { callback: (error) => resolve(error) });
      });
      assert.match(String(await refused), /Permissions Violation/, subject);
    }
    for (const subject of [
      '$JS.API.STREAM.DELETE.LIVE',
      '$JS.API.STREAM.PURGE.LIVE',
      'live.feed.tea',
      'live.gateways',
    ])
      await assert.rejects(producer.request(subject), /Permissions Violation/, subject);
    await producer.close();
  });

  /** What a gateway serves without, and what its log then says. */
  const TOLD: Readonly<Record<string, RegExp>> = {
    'publish $JS.API.INFO':
      /permission to publish \$JS\.API\.INFO is missing.*that the account is full cannot be told/,
    'publish $KV.LIVE_access.>':
      /permission to publish \$KV\.LIVE_access\.\S+ is missing.*moderators cannot ban by this gateway/,
    'publish live.eph.*':
      /permission to publish live\.eph\.\S+ is missing.*ephemeral messages cannot be published/,
  };
  const CREATE_BUCKET = `$JS.API.STREAM.CREATE.${BUCKET.stream}`;
  /** Up to its wildcards. */
  const begun = (subject: string): RegExp =>
    new RegExp(subject.replace(/[*>].*$/, '').replaceAll(/[$.]/g, String.raw`\$&`));

  it('is read as it stands', () => assert.equal(permissions.length, 26));

  for (const { line, subject, operation } of permissions.filter(
    ({ subject: of }) => !of.includes('create') && of !== CREATE_BUCKET,
  )) {
    it(`permission to ${operation} ${subject}: a gateway without it says so`, async () => {
      await using nats = await SecuredNats.start(
        without(config, (_, index) => index === line),
        PASSWORDS,
      );
      const told = TOLD[`${operation} ${subject}`];
      if (told === undefined) {
        await assert.rejects(gatewayOn(nats), ({ message }: Error) => {
          assert.match(message, /permission|does not let the gateway/);
          assert.match(message, begun(subject));
          return true;
        });
      } else {
        const gateway = await gatewayOn(nats);
        await gateway.close();
        assert.ok(
          lines.some((text) => told.test(text)),
          lines.join(''),
        );
      }
    });
  }

  it(`permission to publish ${CREATE_BUCKET}: who bans first is told that it is missing`, async () => {
    await using nats = await SecuredNats.start(
      without(config, (line) => line.includes(CREATE_BUCKET)),
      PASSWORDS,
    );
    const gateway = await gatewayOn(nats);
    assert.match(
      await ban(gateway, 'bob'),
      /MODERATION_UNAVAILABLE: permission to publish \$JS\.API\.STREAM\.CREATE\.KV_LIVE_access is missing.*nats kv add LIVE_access --replicas 1/,
    );
    await gateway.close();
  });

  for (const { line, subject, operation } of permissions.filter(({ subject: of }) => of.includes('create'))) {
    it(`permission to ${operation} ${subject}: a gateway in a cluster without it says so`, async () => {
      const cluster = 'cluster { name: c, listen: "127.0.0.1:-1", routes: ["nats://127.0.0.1:1"] }';
      await using nats = await SecuredNats.start(
        `${without(config, (_, index) => index === line)}\n${cluster}`,
        PASSWORDS,
      );
      const access = natsAccess(settings(nats)) as NatsAccess;
      const connection = await connectNats(access, 'test', systemClock, logger);
      await assert.rejects(
        isCreator(connection, new Subjects(), 'LIVE', systemClock),
        /permission to (publish|subscribe to) live\.create\.LIVE is missing/,
      );
      await connection.close();
    });
  }
});
