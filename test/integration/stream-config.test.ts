import assert from 'node:assert/strict';
import type { ApiError, StreamInfo } from 'nats';
import { nanos } from 'nats';
import type { Difference } from '../../server/nats/stream/stream-config.ts';
import { judgeStream } from '../../server/nats/stream/stream-config.ts';
import { STREAM_FIELDS } from '../../server/nats/stream/stream-fields.ts';
import { ensureStream, streamConfig, StreamMismatchError } from '../../server/nats/stream/stream.ts';
import { Subjects } from '../../server/nats/connection/subjects.ts';
import { defaultConfig } from '../../server/config/config.ts';
import { createLogger } from '../../server/observability/logging.ts';
import type { TestNats } from '../helpers/nats-server.ts';
import { startNats } from '../helpers/nats-server.ts';
import { StockProducer } from '../helpers/stock-producer.ts';

const REQUIREMENTS = { settings: defaultConfig({}), subjects: new Subjects() };
const { src, dest } = { src: 'live.room.*', dest: 'live.feed.{{wildcard(1)}}' };

/** What an operator may give a stream beside what the gateway would. */
interface Case {
  readonly config: Readonly<Record<string, unknown>>;
  /** Set once the stream is there. */
  readonly edit?: Readonly<Record<string, unknown>>;
  /** First version 2.x of NATS that knows it; absent: all. */
  readonly since?: number;
  /** Fields that are then not what they must be; none: harmless. */
  readonly unfit?: readonly string[];
}

const CASES: readonly Case[] = [
  { config: { description: 'gifts' } },
  { config: { metadata: { team: 'live' } }, since: 10 },
  { config: { subjects: ['live.room.*', 'live.more.*'] }, unfit: ['subjects'] },
  { config: { retention: 'interest' }, unfit: ['retention'] },
  { config: { retention: 'workqueue' }, unfit: ['retention'] },
  { config: { max_consumers: 5 }, unfit: ['max_consumers'] },
  { config: { max_msgs: 1_000 } },
  { config: { max_bytes: 2_000_000 }, unfit: ['max_bytes'] },
  { config: { max_age: nanos(3_600_000) }, unfit: ['max_age'] },
  { config: { max_msgs_per_subject: 10 }, unfit: ['max_msgs_per_subject'] },
  { config: { max_msg_size: 4096 } },
  { config: { discard: 'new' }, unfit: ['discard'] },
  {
    config: { discard: 'new', discard_new_per_subject: true, max_msgs_per_subject: 5 },
    unfit: ['max_msgs_per_subject', 'discard', 'discard_new_per_subject'],
  },
  { config: { storage: 'memory' }, unfit: ['storage'] },
  { config: { no_ack: true }, unfit: ['no_ack'] },
  { config: { duplicate_window: nanos(100) }, unfit: ['duplicate_window'] },
  { config: { duplicate_window: nanos(600_000) } },
  { config: { sources: [{ name: 'SOURCE' }] }, unfit: ['sources'] },
  { config: { compression: 's2' }, since: 10 },
  { config: { first_seq: 1_000 }, since: 10 },
  { config: { subject_transform: { src: '>', dest: 'x.>' } }, since: 10, unfit: ['subject_transform'] },
  { config: { republish: undefined }, unfit: ['republish.src', 'republish.dest'] },
  { config: { republish: { src, dest: 'elsewhere.{{wildcard(1)}}' } }, unfit: ['republish.dest'] },
  {
    config: { republish: { src: 'live.room.tea', dest: 'live.feed.tea' } },
    unfit: ['republish.src', 'republish.dest'],
  },
  { config: { republish: { src, dest, headers_only: true } }, unfit: ['republish.headers_only'] },
  { config: { allow_direct: false } },
  { config: { deny_delete: true, deny_purge: true } },
  { config: { allow_rollup_hdrs: true }, unfit: ['allow_rollup_hdrs'] },
  {
    config: {},
    edit: { sealed: true, max_age: 0, discard: 'new', deny_delete: true, deny_purge: true },
    unfit: ['discard', 'sealed', 'max_age'],
  },
  {
    config: { consumer_limits: { inactive_threshold: nanos(1_000) } },
    since: 10,
    unfit: ['consumer_limits.inactive_threshold'],
  },
  { config: { consumer_limits: { inactive_threshold: nanos(120_000), max_ack_pending: 5 } }, since: 10 },
  { config: { allow_msg_ttl: true }, since: 11, unfit: ['allow_msg_ttl'] },
  {
    config: { subject_delete_marker_ttl: nanos(60_000) },
    since: 11,
    unfit: ['allow_rollup_hdrs', 'allow_msg_ttl', 'subject_delete_marker_ttl'],
  },
  { config: { allow_msg_counter: true }, since: 12, unfit: ['allow_msg_counter'] },
  { config: { allow_atomic: true }, since: 12, unfit: ['allow_atomic'] },
  { config: { allow_msg_schedules: true }, since: 12, unfit: ['allow_rollup_hdrs', 'allow_msg_schedules'] },
  { config: { persist_mode: 'async' }, since: 12, unfit: ['persist_mode'] },
  { config: { allow_batched: true }, since: 14, unfit: ['allow_batched'] },
];

/** The API could change these, but the `nats` tool has no flag for it. */
const WITHOUT_FLAG = ['sources', 'consumer_limits.inactive_threshold'];

describe('the configuration of a stream', () => {
  let nats: TestNats;
  let operator: StockProducer;
  let version: string;

  before(async () => {
    nats = await startNats();
    operator = await StockProducer.connect(nats.url);
    version = operator.nc.info!.version;
    await operator.jsm.streams.add({ name: 'SOURCE', subjects: ['source.*'] });
  });

  after(async () => {
    await operator.close();
    await nats.stop();
  });

  afterEach(() => operator.deleteStream().catch(() => undefined));

  async function create({ config, edit }: Case): Promise<StreamInfo> {
    const info = await ask<StreamInfo>('CREATE', { ...streamConfig(REQUIREMENTS), ...config });
    return edit === undefined ? info : await ask<StreamInfo>('UPDATE', { ...info.config, ...edit });
  }

  /** As it stands on the wire: the client library has no names for newer fields. */
  async function ask<T>(verb: string, request: object): Promise<T> {
    const reply = await operator.nc.request(`$JS.API.STREAM.${verb}.LIVE`, JSON.stringify(request));
    const answer = reply.json<T & { error?: ApiError }>();
    if (answer.error !== undefined) throw new Error(answer.error.description);
    return answer;
  }

  async function ensure(owned: boolean): Promise<void> {
    await ensureStream({
      jsm: operator.jsm,
      api: '$JS.API',
      serverVersion: version,
      requirements: REQUIREMENTS,
      owned,
      isCreator: () => Promise.resolve(true),
      infoOf: ({ stream }) => operator.jsm.streams.info(stream),
      logger: createLogger('silent'),
    });
  }

  function differencesOf(info: StreamInfo): readonly Difference[] {
    const judged = judgeStream(info, REQUIREMENTS, version);
    assert.deepEqual(judged.unknown, [], 'fields that are not in the table');
    return [...(judged.kind === 'unfit' ? judged.differences : []), ...judged.disagreements];
  }

  it('as the gateway creates it is fit', async () => {
    await ensure(false);
    assert.deepEqual(differencesOf(await operator.jsm.streams.info('LIVE')), []);
  });

  for (const row of CASES) {
    const { config, edit, since = 0, unfit = [] } = row;
    const name = JSON.stringify({ ...config, ...edit }, (_key, value: unknown) => value ?? null);
    it(`${name}: ${unfit.length === 0 ? 'harmless' : `unfit because of ${unfit.join(', ')}`}`, async function () {
      // An older server ignores what it does not know, or refuses it.
      if (Number(version.split('.')[1]) < since) return this.skip();
      const differences = differencesOf(await create(row));
      assert.deepEqual(differences.map(({ field }) => field).sort(), [...unfit].sort());
      if (differences.length === 0) return ensure(false);

      const refused = await ensure(false).then(
        () => assert.fail('not refused'),
        (error: unknown) => error,
      );
      assert.ok(refused instanceof StreamMismatchError);
      for (const { field, why } of differences) {
        assert.ok(
          refused.message.includes(`  ${field}: is `) && refused.message.includes(why),
          refused.message,
        );
      }
      await assertAdvice(differences);
    });
  }

  /** What an edit is said to fix is fixed by it, and what is not cannot be. */
  async function assertAdvice(differences: readonly Difference[]): Promise<void> {
    const stuck = differences.filter(({ flags }) => flags === undefined).map(({ field }) => field);
    if (stuck.length === 0) {
      await ensure(true);
      assert.deepEqual(differencesOf(await operator.jsm.streams.info('LIVE')), []);
    } else if (!stuck.some((field) => WITHOUT_FLAG.includes(field))) {
      await assert.rejects(ask('UPDATE', streamConfig(REQUIREMENTS)));
    }
  }

  it('every field of the table that is not harmless has a case', () => {
    const covered = new Set(CASES.flatMap(({ unfit = [] }) => unfit));
    const missing = Object.entries(STREAM_FIELDS).filter(
      ([field, { kind }]) =>
        kind !== 'harmless' && !['num_replicas', 'mirror'].includes(field) && !covered.has(field),
    );
    assert.deepEqual(missing, []);
  });

  it('a field of a later NATS, or of a part, is named and not judged', async () => {
    const info = await create({ config: {} });
    const later = { ...info.config, melt_at: 3, republish: { src, dest, twice: true } };
    const judged = judgeStream({ config: later }, REQUIREMENTS, version);
    assert.equal(judged.kind, 'fit');
    assert.deepEqual([...judged.unknown].sort(), ['melt_at', 'republish.twice']);
  });
});
