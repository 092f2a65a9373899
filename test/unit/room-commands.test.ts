import assert from 'node:assert/strict';
import { CommandError } from '../../server/state/command-error.ts';
import type { Command } from '../../server/state/command.ts';
import { isCommand, parseCommand } from '../../server/state/command.ts';
import type { RoomState } from '../../server/state/room-state.ts';
import {
  applyCommand,
  INITIAL_STATE,
  MAX_LISTED,
  MAX_VALUES,
  onList,
} from '../../server/state/room-state.ts';
import { parseSnapshot, snapshotText } from '../../server/state/snapshot.ts';

const parse = (type: string, text: string, timeMs = 1_000): Command | undefined =>
  parseCommand(type, Buffer.from(text), timeMs);

/** What commands make of a room that had none, stored one second after the other. */
function after(...commands: readonly (readonly [type: string, text?: string])[]): RoomState {
  let seq = 0;
  return commands.reduce((state, [type, text = '']) => {
    const payload = Buffer.from(text);
    const timeMs = ++seq * 1_000;
    const command = parseCommand(type, payload, timeMs);
    assert.ok(command);
    const content = { id: '', type, sender: 's', payload, headers: [] };
    return applyCommand(state, command, { seq, timeMs, content });
  }, INITIAL_STATE);
}

describe('commands of a room', () => {
  it('are what they are by their type, whatever their payload is', () => {
    for (const text of ['', 'bye', '[]', '"x"', '{', '\u{1F600}'])
      assert.deepEqual(parse('mute_all', text), { kind: 'mute-all', untilMs: undefined });
    assert.deepEqual(parseCommand('room_closed', Buffer.from([0xff]), 0), { kind: 'close', reason: '' });
    assert.equal(parse('gift', '{}'), undefined);
    assert.deepEqual(['gift', 'comment', 'pin'].map(isCommand), [false, false, true]);
  });

  it('end at a time, or some time after they were stored', () => {
    assert.deepEqual(parse('mute_all', '{"until_ms":5}'), { kind: 'mute-all', untilMs: 5 });
    assert.deepEqual(parse('mute_all', '{"for_ms":5.9}'), { kind: 'mute-all', untilMs: 1_005 });
  });

  for (const [type, text] of [
    ['mute_all', '{"for_ms":-1}'],
    ['mute_all', '{"until_ms":"soon"}'],
    ['mute_all', '{"until_ms":1e300}'],
    ['mute_user', ''],
    ['mute_user', '{}'],
    ['ban_user', '{"user":""}'],
    ['ban_user', `{"user":"${'x'.repeat(257)}"}`],
    ['ban_user', '{"user":"ann","reason":7}'],
    ['room_closed', `{"reason":"${'x'.repeat(257)}"}`],
    ['set_state', '[1]'],
    ['set_state', '{"a b":1}'],
    ['set_state', '{"__proto__":1}'],
    ['set_state', `{"a":"${'x'.repeat(1_023)}"}`],
  ] as const) {
    it(`say what is wrong with ${type} ${text.slice(0, 40)}`, () => {
      assert.throws(() => parse(type, text), CommandError);
    });
  }

  it('take back what others did', () => {
    assert.deepEqual(
      after(['mute_all'], ['unmute_all'], ['room_closed'], ['room_opened'], ['pin', 'a'], ['unpin']),
      { ...INITIAL_STATE, slots: { pinned: undefined } },
    );
  });

  it('show the last message only, and none that is too large', () => {
    const { slots } = after(['question', 'a'], ['question', '{"for_ms":10}'], ['pin', 'x'.repeat(4_097)]);
    assert.deepEqual([slots.question?.seq, slots.question?.untilMs], [2, 2_010]);
    assert.deepEqual([slots.pinned?.seq, slots.pinned?.payload], [3, undefined]);
  });

  it('ban for a time', () => {
    const state = after(['ban_user', '{"user":"ann","for_ms":500,"reason":"spam"}']);
    assert.deepEqual(onList(state, 'banned', 'ann', 1_499), { untilMs: 1_500, reason: 'spam' });
    assert.equal(onList(state, 'banned', 'ann', 1_500), undefined);
    assert.equal(onList(state, 'banned', 'bob', 0), undefined);
  });

  it('list so many users at most, those whose time is over apart', () => {
    const bans = Array.from({ length: MAX_LISTED + 1 }, (_, n) => ['ban_user', `{"user":"u${n}"}`] as const);
    const { banned } = after(...bans).users;
    assert.deepEqual(
      [banned.size, banned.has('u0'), banned.has(`u${MAX_LISTED}`)],
      [MAX_LISTED, true, false],
    );
    const brief = ['ban_user', '{"user":"brief","for_ms":1}'] as const;
    const again = after(brief, ...bans).users.banned;
    assert.deepEqual([again.has('brief'), again.has(`u${MAX_LISTED - 1}`)], [false, true]);
  });

  it('keep so many values at most; of those that are there all can be changed', () => {
    const keys = Object.fromEntries(Array.from({ length: MAX_VALUES + 1 }, (_, n) => [`k${n}`, n]));
    const { values } = after(['set_state', JSON.stringify(keys)], ['set_state', '{"k0":"new","more":1}']);
    assert.deepEqual([values.size, values.get('k0'), values.has('more')], [MAX_VALUES, '"new"', false]);
  });

  it('make a state that is the same after it was stored', () => {
    const state = after(
      ['mute_all', '{"for_ms":9}'],
      ['room_closed', '{"reason":"over"}'],
      ['stream_switch', '\u0000\u00ff'],
      ['question', '{"for_ms":1}'],
      ['set_state', '{"a":{"b":[1,null]}}'],
      ['ban_user', '{"user":"__proto__"}'],
      ['mute_user', '{"user":"bob","until_ms":3}'],
    );
    const snapshot = { position: { epoch: 'LIVE@1', seq: 7, fingerprint: 5 }, state, uncertain: true };
    const stored = parseSnapshot(snapshotText(snapshot));
    assert.ok(stored);
    assert.deepEqual(stored.state.users, state.users);
    assert.deepEqual(stored.state.closed, state.closed);
    assert.deepEqual(stored.state.muted, state.muted);
    assert.deepEqual(stored.state.values, state.values);
    assert.deepEqual(stored.state.slots.stream, state.slots.stream);
    assert.equal(stored.uncertain, true);
  });

  it('make nothing of a text that is no snapshot', () => {
    for (const text of ['', '{', '[]', '{"format":2}', 'null']) assert.equal(parseSnapshot(text), undefined);
  });
});
