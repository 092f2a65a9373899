import assert from 'node:assert/strict';
import { parseGatewayMessage } from '../../server/nats/codec/gateway-message.ts';

const news = { gateway: 'g', n: 1, whole: true, rooms: [['tea', 3]] };
const load = { stream: 'LIVE', sessions: 0 };

describe('what gateways tell each other', () => {
  const good: readonly object[] = [
    news,
    { ...news, n: 2, whole: false, rooms: [] },
    { ...news, load },
    { ...news, load: { ...load, endpoint: 'host:1' } },
    { ask: [] },
    { ask: ['g', 'h'] },
    { gone: 'g' },
  ];
  for (const message of good) {
    const json = JSON.stringify(message);
    it(`is ${json}`, () => assert.deepEqual(parseGatewayMessage(json), message));
  }

  const bad: readonly unknown[] = [
    null,
    1,
    [],
    {},
    { ...news, gateway: '' },
    { ...news, gateway: 'g'.repeat(65) },
    { ...news, n: 0 },
    { ...news, n: 1.5 },
    { ...news, whole: 'yes' },
    { ...news, rooms: {} },
    { ...news, rooms: [['tea']] },
    { ...news, rooms: [['tea', -1]] },
    { ...news, rooms: [[1, 1]] },
    { ...news, load: null },
    { ...news, load: { ...load, sessions: '1' } },
    { ...news, load: { ...load, endpoint: 'x'.repeat(301) } },
    { ask: 'g' },
    { ask: [1] },
    { gone: 1 },
  ];
  for (const message of bad) {
    const json = JSON.stringify(message);
    it(`is not ${json.slice(0, 80)}`, () =>
      assert.throws(() => parseGatewayMessage(json), /no gateway says/));
  }

  it('is not what is no JSON', () => assert.throws(() => parseGatewayMessage('{'), SyntaxError));
});
