import assert from 'node:assert/strict';
import { TooManyWaiting, Turns } from '../../common/turns.ts';
import { settle } from '../helpers/settle.ts';

describe('Isolated: turns', () => {
  let turns: Turns;
  let begun: string[];
  let finish: Map<string, () => void>;

  beforeEach(() => {
    turns = new Turns({ atOnce: 1, waitingOfGroup: 5, waiting: 8 });
    begun = [];
    finish = new Map();
  });

  const work = (name: string) => (): Promise<void> => {
    begun.push(name);
    return new Promise((resolve) => finish.set(name, resolve));
  };

  /** Lets whoever has its turn finish, one after the other, until nobody has. */
  async function order(): Promise<string[]> {
    // It grows meanwhile.
    for (const name of begun) {
      finish.get(name)?.();
      await settle();
    }
    return begun;
  }

  it('are taken at once as long as there are some', async () => {
    const two = new Turns({ atOnce: 2, waitingOfGroup: 5, waiting: 5 });
    const asker = { group: 'a' };
    for (const name of ['a1', 'a2', 'a3']) two.ask(asker, work(name));
    assert.deepEqual(begun, ['a1', 'a2']);
    finish.get('a2')?.();
    await settle();
    assert.deepEqual(begun, ['a1', 'a2', 'a3']);
  });

  it('go round the groups, and round the askers within each', async () => {
    const [greedy, neighbour, other] = [{ group: 'a' }, { group: 'a' }, { group: 'b' }];
    for (const name of ['a1', 'a2', 'a3', 'a4']) turns.ask(greedy, work(name));
    turns.ask(neighbour, work('n1'));
    for (const name of ['b1', 'b2']) turns.ask(other, work(name));
    assert.deepEqual(await order(), ['a1', 'a2', 'b1', 'n1', 'b2', 'a3', 'a4']);
    assert.equal(turns.waiting, 0);
  });

  it('are refused where too many wait, of one group or in all, and granted again when fewer do', async () => {
    const [a, b] = [{ group: 'a' }, { group: 'b' }];
    const tickets = Array.from({ length: 6 }, (_, n) => turns.ask(a, work(`a${n}`)));
    assert.throws(() => turns.ask({ group: 'a' }, work('too many')), TooManyWaiting);
    for (const name of ['b1', 'b2', 'b3']) turns.ask(b, work(name));
    assert.throws(() => turns.ask({ group: 'c' }, work('too many')), TooManyWaiting);
    tickets[3]?.cancel();
    tickets[3]?.cancel();
    turns.ask({ group: 'c' }, work('c1'));
    assert.deepEqual(await order(), ['a0', 'a1', 'b1', 'c1', 'a2', 'b2', 'a4', 'b3', 'a5']);
  });

  it('end with the work, whatever its outcome', async () => {
    const failing = turns.run({ group: 'a' }, () => Promise.reject(new Error('no')));
    const next = turns.run({ group: 'a' }, () => Promise.resolve('yes'));
    await assert.rejects(failing, /no/);
    assert.equal(await next, 'yes');
  });
});
