import assert from 'node:assert/strict';
import { chance } from '../../chaos/run/chance.ts';
import type { FaultTargets } from '../../chaos/run/backend/backend-fault.ts';
import { backendFaults } from '../../chaos/run/backend/backend-faults.ts';
import { ManualClock } from '../helpers/manual-clock.ts';

describe('backend faults', () => {
  it('restart one gateway after the other in a rolling restart, each once the one before serves again', async () => {
    const log: string[] = [];
    const step = async (name: string): Promise<void> => {
      log.push(`${name} …`);
      await new Promise((resolve) => setImmediate(resolve));
      log.push(name);
    };
    const gateways = ['a', 'b', 'c'].map((name) => ({
      end: (signal: string) => step(`${signal} to ${name}`),
      start: () => step(`start of ${name}`),
    }));
    // Nothing else of the world is touched.
    const targets = { gateways } as unknown as FaultTargets;
    const { signal: lifted } = new AbortController();
    await backendFaults['rolling-restart'](targets, {
      turn: 5,
      random: chance(1, 'any'),
      clock: new ManualClock(),
      lifted,
    });
    assert.deepEqual(
      log,
      ['a', 'b', 'c'].flatMap((name) => [
        `SIGTERM to ${name} …`,
        `SIGTERM to ${name}`,
        `start of ${name} …`,
        `start of ${name}`,
      ]),
    );
  });
});
