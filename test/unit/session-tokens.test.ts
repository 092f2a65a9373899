import assert from 'node:assert/strict';
import type { ServerFrame } from '../../protos/live.ts';
import type { Authenticator } from '../../server/auth/authenticator.ts';
import { Exclusions } from '../../server/auth/exclusions.ts';
import { secretKey } from '../../server/auth/key-source.ts';
import { TokenVerifier } from '../../server/auth/token-verifier.ts';
import type { Clock } from '../../common/clock.ts';
import { createLogger } from '../../server/observability/logging.ts';
import type { BucketEntry } from '../../server/upstream/bucket.ts';
import { until } from '../helpers/poll.ts';
import { SessionRig } from '../helpers/session-rig.ts';
import type { Claims } from '../helpers/tokens.ts';
import { SECRET, token } from '../helpers/tokens.ts';

const MINUTE_MS = 60_000;

/** A session of a gateway that wants tokens. */
class Rig extends SessionRig {
  readonly #verifier: TokenVerifier;
  readonly exclusions: Exclusions;

  constructor(leewayMs = 0) {
    let made: TokenVerifier | undefined;
    let excluded: Exclusions | undefined;
    super((clock: Clock): Authenticator => {
      const requirements = { issuer: undefined, audience: undefined, leewayMs };
      made = new TokenVerifier(secretKey(Buffer.from(SECRET)), requirements, clock);
      excluded = new Exclusions(clock, createLogger('silent'));
      return { kind: 'tokens', verifier: made, exclusions: excluded };
    });
    this.#verifier = made ?? assert.fail('no verifier was made');
    this.exclusions = excluded ?? assert.fail('nobody could be excluded');
  }

  get verified(): number {
    return this.#verifier.stats.verified;
  }

  /** A token of Ann's that lasts ten minutes, unless it is said otherwise. */
  token(claims: Claims = {}): string {
    return token({ sub: 'ann', exp: this.#inSeconds(600), ...claims });
  }

  /** One that ends in so many minutes. */
  lasting(minutes: number, claims: Claims = {}): string {
    return this.token({ exp: this.#inSeconds(minutes * 60), ...claims });
  }

  /** The next frame of a kind; those before it are passed over. */
  async next<Kind extends keyof ServerFrame>(kind: Kind): Promise<NonNullable<ServerFrame[Kind]>> {
    const found = await until(`${kind} is sent`, () => this.carrier.sent.find((frame) => frame[kind]));
    this.carrier.sent.splice(0, this.carrier.sent.indexOf(found) + 1);
    return found[kind] as NonNullable<ServerFrame[Kind]>;
  }

  async ending(): Promise<string> {
    return until('the stream ends', () => this.carrier.ending);
  }

  async greeted(claims: Claims = {}): Promise<this> {
    this.carrier.receive({ hello: { client: 'test', token: this.token(claims) } });
    await this.next('welcome');
    return this;
  }

  passTime(ms: number): void {
    this.gateway.clock.advance(ms);
    this.sweep();
  }

  #inSeconds(seconds: number): number {
    return Math.floor(this.gateway.clock.wallMs() / 1_000) + seconds;
  }
}

describe('a session whose viewer brings a token', () => {
  it('begins with it: in Hello, or with the stream', async () => {
    await using first = new Rig();
    await first.greeted();
    await using second = new Rig();
    second.carrier.token = second.token();
    second.carrier.receive({ hello: { client: 'test' } });
    await second.next('welcome');
  });

  it('is refused without one, and with a wrong one', async () => {
    await using first = new Rig();
    first.carrier.receive({ hello: { client: 'test' } });
    assert.equal(await first.ending(), 'TOKEN_MISSING');
    await using second = new Rig();
    second.carrier.receive({ hello: { client: 'test', token: 'nonsense' } });
    assert.equal(await second.ending(), 'TOKEN_INVALID');
    assert.deepEqual(second.carrier.sent, []);
  });

  it('reads nothing before it is known to be good', async () => {
    await using rig = new Rig();
    rig.carrier.receive({ hello: { client: 'test', token: rig.token() } });
    assert.ok(!rig.carrier.asked);
    await rig.next('welcome');
    await until('the next frame is asked for', () => rig.carrier.asked);
  });

  it('ends while it is looked at, and nothing comes of it', async () => {
    await using rig = new Rig();
    rig.carrier.receive({ hello: { client: 'test', token: rig.token() } });
    rig.carrier.close();
    await until('it is verified', () => rig.verified > 0);
    await rig.settle();
    assert.deepEqual(rig.carrier.sent, []);
  });

  it('joins what it allows, and is refused what it does not, by name', async () => {
    await using rig = await new Rig().greeted({ rooms: ['mine-*'] });
    rig.carrier.receive({ join: { room: 'yours', start: { live: {} } } });
    const { room, refusal } = await rig.next('roomError');
    assert.deepEqual([room, refusal?.reason, refusal?.code], ['yours', 'REASON_NOT_PERMITTED', 7]);
    await rig.settle();
    rig.carrier.sent.splice(0);
    await rig.join('mine-1');
  });

  describe('publishes', () => {
    const refusalOf = async (rig: Rig): Promise<string | undefined> => {
      const { results } = await rig.next('publishResults');
      return results[0]?.refusal?.reason;
    };

    it('what it allows: comments, not gifts', async () => {
      await using rig = await new Rig().greeted();
      const publish = (type: string, sender = ''): void =>
        rig.carrier.receive({
          publish: { requestId: 1, request: { room: 'r', type, sender, payload: Buffer.from('x') } },
        });
      publish('gift');
      assert.equal(await refusalOf(rig), 'REASON_NOT_PERMITTED');
      publish('comment');
      assert.equal(await refusalOf(rig), undefined);
      publish('comment', 'bob');
      assert.equal(await refusalOf(rig), 'REASON_NOT_PERMITTED');
      publish('comment', 'ann');
      assert.equal(await refusalOf(rig), undefined);
    });

    it('in the name of its user, or with the right to it, of others', async () => {
      await using rig = await new Rig().greeted({ sub: 'shop', roles: ['service'] });
      for (const [claimed, sender] of [
        ['', 'shop'],
        ['bob', 'bob'],
      ]) {
        rig.carrier.receive({
          publish: {
            requestId: 1,
            request: { room: 'r', type: 'gift', sender: claimed as string, payload: Buffer.from('x') },
          },
        });
        await until('it is published', () => rig.published.length > 0);
        assert.equal(rig.published.shift()?.sender, sender);
        rig.outcomes.shift()?.({ kind: 'stored', seq: 1, duplicate: false });
        await rig.next('publishResults');
      }
    });
  });

  describe('that ends', () => {
    it('is asked for another in time, and goes on with it', async () => {
      await using rig = await new Rig().greeted();
      rig.passTime(8 * MINUTE_MS);
      await rig.settle();
      assert.ok(!rig.carrier.sent.some(({ tokenExpiring }) => tokenExpiring));
      rig.passTime(MINUTE_MS + 1_000);
      const { room, expiresInMs } = await rig.next('tokenExpiring');
      assert.equal(room, '');
      assert.ok(expiresInMs <= MINUTE_MS && expiresInMs > MINUTE_MS / 2, String(expiresInMs));
      rig.passTime(1_000);
      await rig.settle();
      assert.ok(!rig.carrier.sent.some(({ tokenExpiring }) => tokenExpiring), 'asked once');
      rig.carrier.receive({ renew: { token: rig.token() } });
      assert.equal((await rig.next('tokenRenewed')).room, '');
      rig.passTime(8 * MINUTE_MS);
      assert.equal(rig.carrier.ending, undefined);
      rig.passTime(MINUTE_MS);
      await rig.next('tokenExpiring');
    });

    it('ends the stream after the time of grace', async () => {
      await using rig = await new Rig().greeted({});
      rig.passTime(10 * MINUTE_MS + 29_000);
      await rig.next('tokenExpiring');
      assert.equal(rig.carrier.ending, undefined);
      rig.passTime(1_000);
      assert.equal(await rig.ending(), 'TOKEN_EXPIRED');
    });

    it('is not taken if the stream, or the room, would be lost at once', async () => {
      await using late = new Rig(2 * MINUTE_MS);
      late.carrier.receive({ hello: { client: 'test', token: late.lasting(-1) } });
      assert.equal(await late.ending(), 'TOKEN_EXPIRED');
      assert.deepEqual(late.carrier.sent, []);
      await using rig = await new Rig(2 * MINUTE_MS).greeted();
      rig.carrier.receive({ join: { room: 'a', start: { live: {} }, token: rig.lasting(-1) } });
      assert.equal((await rig.next('roomError')).refusal?.reason, 'REASON_TOKEN_EXPIRED');
    });

    it('is announced at half its time if that is short', async () => {
      await using rig = new Rig();
      rig.carrier.receive({ hello: { client: 'test', token: rig.lasting(1) } });
      await rig.next('welcome');
      rig.passTime(29_000);
      await rig.settle();
      assert.ok(!rig.carrier.sent.some(({ tokenExpiring }) => tokenExpiring));
      rig.passTime(2_000);
      await rig.next('tokenExpiring');
    });

    it('is not replaced by a wrong one, or one of somebody else', async () => {
      for (const [renewal, reason] of [
        ['nonsense', 'TOKEN_INVALID'],
        [token({ sub: 'bob' }), 'TOKEN_INVALID'],
        ['', 'TOKEN_MISSING'],
      ]) {
        await using rig = await new Rig().greeted();
        rig.carrier.receive({ renew: { token: renewal as string } });
        assert.equal(await rig.ending(), reason);
      }
    });

    it('loses the rooms that the next one does not allow', async () => {
      await using rig = await new Rig().greeted({ rooms: ['a', 'b'] });
      await rig.settle();
      rig.carrier.sent.splice(0);
      await rig.join('a');
      await rig.join('b');
      rig.carrier.receive({ renew: { token: rig.token({ rooms: ['b'] }) } });
      const { room, refusal } = await rig.next('roomError');
      assert.deepEqual([room, refusal?.reason], ['a', 'REASON_NOT_PERMITTED']);
      rig.carrier.receive({ leave: { room: 'b' } });
      await rig.next('left');
    });
  });

  describe('for a room', () => {
    const joins = (rig: Rig, room: string, claims: Claims): void =>
      rig.carrier.receive({ join: { room, start: { live: {} }, token: rig.token(claims) } });

    it('may watch and publish there, and nowhere else', async () => {
      await using rig = await new Rig().greeted({ rooms: [] });
      joins(rig, 'a', { rooms: ['a', 'b'], roles: ['publisher'] });
      await rig.next('joined');
      rig.carrier.receive({ join: { room: 'b', start: { live: {} } } });
      assert.equal((await rig.next('roomError')).room, 'b');
      rig.publish(1, 'k');
      const { results } = await rig.next('publishResults');
      assert.equal(results[0]?.refusal?.reason, 'REASON_NOT_PERMITTED');
    });

    it('is refused if it is wrong, and the stream goes on', async () => {
      await using rig = await new Rig().greeted();
      for (const wrong of ['nonsense', token({ sub: 'bob' })]) {
        rig.carrier.receive({ join: { room: 'a', start: { live: {} }, token: wrong } });
        assert.equal((await rig.next('roomError')).refusal?.reason, 'REASON_TOKEN_INVALID');
      }
      await rig.settle();
      rig.carrier.sent.splice(0);
      await rig.join('b');
    });

    it('counts until the room is left', async () => {
      await using rig = await new Rig().greeted({ rooms: [] });
      joins(rig, 'a', {});
      await rig.next('joined');
      rig.carrier.receive({ leave: { room: 'a' } });
      await rig.next('left');
      rig.carrier.receive({ join: { room: 'a', start: { live: {} } } });
      assert.equal((await rig.next('roomError')).refusal?.reason, 'REASON_NOT_PERMITTED');
    });

    it('takes the place of no other by a Join that is refused', async () => {
      await using rig = await new Rig().greeted({ rooms: ['b'], exp: undefined });
      joins(rig, 'a', {});
      await rig.next('caughtUp');
      joins(rig, 'a', { rooms: [], exp: undefined });
      assert.equal((await rig.next('roomError')).refusal?.reason, 'REASON_ALREADY_JOINED');
      joins(rig, '', { rooms: [], exp: undefined });
      assert.equal((await rig.next('roomError')).refusal?.reason, 'REASON_ROOM_NAME_INVALID');
      await rig.settle();
      rig.carrier.sent.splice(0);
      await rig.join('b');
      rig.passTime(11 * MINUTE_MS);
      const { room, refusal } = await rig.next('roomError');
      assert.deepEqual([room, refusal?.reason], ['a', 'REASON_TOKEN_EXPIRED']);
    });

    it('is kept only as long as there is the room', async () => {
      await using rig = await new Rig().greeted({ rooms: [] });
      joins(rig, 'a', {});
      await rig.next('caughtUp');
      const startless = { room: 'b', token: rig.token() };
      rig.carrier.receive({ join: startless });
      assert.equal((await rig.next('roomError')).refusal?.reason, 'REASON_START_INVALID');
      rig.carrier.receive({ renew: { room: 'c', token: rig.token() } });
      await until('it is read on', () => rig.carrier.asked);
      for (const room of ['b', 'c']) {
        rig.carrier.receive({ join: { room, start: { live: {} } } });
        assert.equal((await rig.next('roomError')).refusal?.reason, 'REASON_NOT_PERMITTED');
      }
    });

    it('is asked for by the room’s name, and its end costs the room', async () => {
      await using rig = await new Rig().greeted({ rooms: [], exp: undefined });
      for (const room of ['a', 'b']) {
        joins(rig, room, {});
        await rig.next('joined');
      }
      rig.passTime(9 * MINUTE_MS + 1_000);
      assert.deepEqual(
        [(await rig.next('tokenExpiring')).room, (await rig.next('tokenExpiring')).room],
        ['a', 'b'],
      );
      rig.carrier.receive({ renew: { room: 'a', token: rig.token() } });
      assert.equal((await rig.next('tokenRenewed')).room, 'a');
      rig.passTime(2 * MINUTE_MS);
      const { room, refusal } = await rig.next('roomError');
      assert.deepEqual([room, refusal?.reason], ['b', 'REASON_TOKEN_EXPIRED']);
      assert.equal(rig.carrier.ending, undefined);
    });
  });
});

describe('a session of a viewer who is excluded', () => {
  const entry = (key: string, revision = 1): BucketEntry => ({ key, revision, value: '' });

  it('ends', async () => {
    for (const [key, reason] of [
      ['ban.ann', 'USER_BANNED'],
      ['token.t1', 'TOKEN_REVOKED'],
      ['disconnect.ann', 'DISCONNECTED'],
    ] as const) {
      await using rig = await new Rig().greeted({ jti: 't1' });
      rig.exclusions.changed([entry('ban.bob'), entry('token.t2'), entry('disconnect.bob')]);
      rig.session.tokens?.review(new Set(['bob']));
      assert.equal(rig.carrier.ending, undefined);
      rig.exclusions.changed([entry(key)]);
      rig.session.tokens?.review(new Set(reason === 'DISCONNECTED' ? ['ann'] : []));
      assert.equal(await rig.ending(), reason);
    }
  });

  it('does not begin, also if it is while the signature is looked at', async () => {
    await using rig = new Rig();
    rig.carrier.receive({ hello: { client: 'test', token: rig.token() } });
    rig.exclusions.changed([entry('ban.ann')]);
    assert.equal(await rig.ending(), 'USER_BANNED');
    assert.deepEqual(rig.carrier.sent, []);
  });

  it('loses a room whose token is revoked, unless that of the stream allows it too', async () => {
    await using rig = await new Rig().greeted({ rooms: ['b'], jti: 'stream' });
    for (const room of ['a', 'b']) {
      rig.carrier.receive({ join: { room, start: { live: {} }, token: rig.token({ jti: room }) } });
      await rig.next('caughtUp');
    }
    rig.exclusions.changed([entry('token.a'), entry('token.b')]);
    rig.session.tokens?.review(new Set());
    const { room, refusal } = await rig.next('roomError');
    assert.deepEqual([room, refusal?.reason], ['a', 'REASON_TOKEN_REVOKED']);
    rig.carrier.receive({ leave: { room: 'b' } });
    await rig.next('left');
    assert.equal(rig.carrier.ending, undefined);
  });

  it('takes no token that is revoked in place of one that is not', async () => {
    await using rig = await new Rig().greeted({ jti: 'first' });
    rig.exclusions.changed([entry('token.second')]);
    rig.carrier.receive({ renew: { token: rig.token({ jti: 'second' }) } });
    assert.equal(await rig.ending(), 'TOKEN_REVOKED');
  });
});

describe('a session of a gateway that asks nobody for a token', () => {
  it('takes no notice of one', async () => {
    await using rig = new SessionRig();
    rig.carrier.receive({ hello: { client: 'test', token: 'nonsense' } });
    rig.carrier.receive({ join: { room: 'r', start: { live: {} }, token: 'nonsense' } });
    rig.carrier.receive({ renew: { token: 'nonsense' } });
    await rig.settle();
    assert.deepEqual(rig.carrier.takeKinds(), ['welcome', 'heartbeat', 'tokenRenewed', 'joined', 'caughtUp']);
  });
});
