import assert from 'node:assert/strict';
import { LiveClient } from '../../client/index.ts';
import {
  batch,
  cursorAt,
  HEARTBEAT_MS,
  joined,
  Reader,
  refusal,
  ScriptedClient,
} from '../helpers/scripted-client.ts';
import { settle } from '../helpers/settle.ts';

describe('client logger', () => {
  let lines: [level: string, message: string, facts: object | undefined][];
  let scripted: ScriptedClient;
  const note =
    (level: string) =>
    (message: string, facts?: object): void =>
      void lines.push([level, message, facts]);
  const logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  const told = (): string[] => lines.map(([level, message]) => `${level}: ${message}`);

  beforeEach(() => {
    lines = [];
    scripted = new ScriptedClient({ logger });
  });

  afterEach(() => scripted.client.close());

  it('is told of connections, with what they failed of', async () => {
    scripted.client.join('r1');
    scripted.welcome();
    scripted.clock.advance(HEARTBEAT_MS * 2 + 250);
    scripted.clock.advance(500);
    scripted.waitOutBackoff();
    scripted.welcome();
    scripted.receive({ reconnect: { afterMs: 10, reason: 'REASON_DRAINING' } });
    await scripted.client.close();
    assert.deepEqual(told(), [
      'debug: connecting',
      'info: connected',
      'warn: the gateway is silent, and probed',
      'warn: no connection',
      'debug: connecting',
      'info: connected',
      'info: the gateway sends us elsewhere',
      'debug: closed',
    ]);
    const { cause, delayMs } = lines[3]?.[2] as { cause: Error; delayMs: number };
    assert.match(cause.message, /probe unanswered/);
    assert.equal(delayMs, 50);
  });

  it('is told of gaps, resets, what is missing and what is tried again', async () => {
    const reader = new Reader(scripted.client.join('r1'));
    scripted.welcome();
    lines = [];
    const gap = { room: 'r1', after: 1, next: 5, cursor: cursorAt(4), cause: 'CAUSE_RETENTION' } as const;
    const reset = { room: 'r1', cursor: cursorAt(4), cause: 'CAUSE_RECREATED' } as const;
    scripted.receive(joined('r1', 1), { gap }, { reset }, batch('r1', [9, 7]));
    scripted.receive(joined('r1', 4), {
      roomError: { room: 'r1', refusal: refusal('UPSTREAM_UNAVAILABLE', 'wait') },
    });
    await reader.take(3);
    assert.deepEqual(told().slice(0, 3), [
      'warn: messages of a room are gone',
      'warn: the history of a room is another one',
      'warn: a message of a room did not come, and is asked for',
    ]);
  });

  it('disturbs nothing when it throws', async () => {
    const uncaught: unknown[] = [];
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const listen = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtException', listen);
    try {
      const broken = new Error('no space left');
      const fail = (): never => {
        throw broken;
      };
      const other = new ScriptedClient({ logger: { debug: fail, info: fail, warn: fail, error: fail } });
      other.client.join('r1');
      other.welcome();
      assert.equal(other.stateName, 'live');
      await other.client.close();
      await settle();
      assert.deepEqual(uncaught, [broken, broken, broken]);
    } finally {
      process.off('uncaughtException', listen);
      for (const listener of before) process.on('uncaughtException', listener);
    }
  });

  it('may be the console, and nothing that lacks a level', async () => {
    const { debug, info, warn } = logger;
    const make = (given: unknown): LiveClient =>
      new LiveClient({ endpoints: ['a:1'], logger: given as typeof logger });
    await make({ ...console, debug: () => undefined }).close();
    assert.throws(() => make({ debug, info, warn }), /^LiveError: logger has to be/);
  });
});
