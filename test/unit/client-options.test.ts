import assert from 'node:assert/strict';
import { LiveClient, LiveError } from '../../client/index.ts';
import { ScriptedClient } from '../helpers/scripted-client.ts';

/** Beyond the longest timer of Node, each of these would be due at once. */
const durations = [Infinity, 2 ** 31, NaN, -1, 0];
const gift = { type: 'gift', payload: '' };

/** That it is refused with an error that names the option and says what is allowed. */
async function refused(option: string, attempt: () => unknown): Promise<void> {
  await assert.rejects(
    async () => {
      await attempt();
    },
    (error) => {
      assert.ok(error instanceof LiveError, String(error));
      assert.equal(error.codeName, 'INVALID_ARGUMENT');
      assert.ok(error.message.startsWith(`${option} has to be `), error.message);
      return true;
    },
    option,
  );
}

describe('client options that make no sense', () => {
  let client: LiveClient;

  beforeEach(() => {
    ({ client } = new ScriptedClient());
  });

  afterEach(() => client.close());

  const invalid = (options: Record<string, unknown>): never => options as never;

  it('of a client', async () => {
    const wrong: [option: string, values: unknown[]][] = [
      ['endpoints', [[], 'a:1', [''], ['ftp://a:1'], ['https://'], ['https://a:70000'], ['https://a/path']]],
      ['compression', ['gzip']],
      ['maxFrameBytes', [0, 1.5, 2 ** 32]],
      ['connectTimeoutMs', durations],
      ['probeTimeoutMs', durations],
      ['silenceFactor', [0, NaN, Infinity]],
      ['roomWindowBytes', [0, NaN, Infinity, -1]],
      ['maxPendingPublishes', [0, NaN, Infinity]],
    ];
    for (const [option, values] of wrong) {
      for (const value of values) {
        const options = invalid({ endpoints: ['a:1'], [option]: value });
        await refused(option, () => new LiveClient(options));
      }
    }
    for (const field of ['baseMs', 'maxMs']) {
      const options = invalid({ endpoints: ['a:1'], backoff: { [field]: Infinity } });
      await refused(`backoff.${field}`, () => new LiveClient(options));
    }
  });

  const starts: [option: string, from: Record<string, unknown>][] = [
    ['from.last', { last: -1 }],
    ['from.last', { last: 0 }],
    ['from.last', { last: 2 ** 32 }],
    ['from.sinceMs', { sinceMs: NaN }],
    ['from.sinceMs', { sinceMs: -1 }],
    ['from.seq', { seq: 2n ** 64n }],
    ['from.seq', { seq: 7 }],
    ['from.cursor.seq', { cursor: { epoch: 'e', seq: -1n, fingerprint: 0 } }],
    ['from.cursor.fingerprint', { cursor: { epoch: 'e', seq: 1n, fingerprint: 2 ** 32 } }],
    ['from', { first: 1 }],
  ];

  it('of a join', async () => {
    const wrong: [option: string, options: Record<string, unknown>][] = [
      ...starts.map(([option, from]): [string, Record<string, unknown>] => [option, { from }]),
      ['from', { from: 'the beginning' }],
      ['onGap', { onGap: 'halt' }],
      ['cursorName', { cursorName: '' }],
    ];
    for (const [option, options] of wrong) await refused(option, () => client.join('r1', invalid(options)));
    client.join('r1');
  });

  it('of a pull', async () => {
    const wrong: [option: string, options: Record<string, unknown>][] = [
      ...starts.map(([option, from]): [string, Record<string, unknown>] => [option, { from }]),
      ['from.afterSeq', { from: { afterSeq: -1n } }],
      ...[-1, 0, 1.5, NaN, 2 ** 32].map((limit): [string, object & Record<string, unknown>] => [
        'limit',
        { limit },
      ]),
      ...durations.map((timeoutMs): [string, Record<string, unknown>] => ['timeoutMs', { timeoutMs }]),
    ];
    for (const [option, options] of wrong) await refused(option, () => client.pull('r1', invalid(options)));
  });

  it('of a publish, or of a question about a room', async () => {
    const messages: [option: string, message: Record<string, unknown>][] = [
      ['type', { type: '' }],
      ['payload', { payload: undefined }],
      ['payload', { payload: { n: 1 } }],
      ['class', { class: 'reliable' }],
      ['sender', { sender: 7 }],
      ['key', { key: null }],
      ['headers', { headers: { a: 1 } }],
    ];
    for (const [option, message] of messages)
      await refused(option, () => client.publish('r1', invalid({ ...gift, ...message })));
    for (const timeoutMs of durations) {
      await refused('timeoutMs', () => client.publish('r1', gift, { timeoutMs }));
      await refused('timeoutMs', () => client.room('r1', { timeoutMs }));
    }
    await refused('ordered', () => client.publish('r1', gift, invalid({ ordered: 1 })));
  });
});
