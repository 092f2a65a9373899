import { setTimeout as delay } from 'node:timers/promises';
import { residentBytes } from '../measure/processes.ts';
import { Stage } from '../load/stage.ts';
import type { Scenario } from '../scenario.ts';

/** Viewers that are there before. */
const STANDING = 1_000;
const SAMPLE_MS = 1_000;
const SAMPLES = 20;
const STEADY = 0.002;

export const idle: Scenario = {
  name: 'idle',
  question: 'How much memory does a viewer take that receives nothing, on a connection of its own?',
  metrics: [
    { key: 'kilobytes', title: 'KB a viewer', digits: 1, better: 'less' },
    { key: 'before', title: 'MB before', digits: 0 },
    { key: 'after', title: 'MB after', digits: 0 },
  ],
  rounds: 1,
  cases: [
    {
      title: '1 × 5000',
      async run(circumstances) {
        const { quick } = circumstances;
        const viewers = quick ? 100 : 5000;
        await using stage = await Stage.set(circumstances);
        // What a server leaves behind when it starts is as good as free for its first viewers.
        await stage.open(quick ? 20 : STANDING);
        const { pids: all, viewerPids: pids = all } = stage.running;
        const before = await steadyBytes(pids, quick);
        await stage.open(viewers);
        const after = await steadyBytes(pids, quick);
        return { kilobytes: (after - before) / viewers / 1000, before: before / 1e6, after: after / 1e6 };
      },
    },
  ],
};

/** Resident memory once it has stopped to change. */
async function steadyBytes(pids: readonly number[], quick: boolean): Promise<number> {
  let last = residentBytes(pids);
  for (let sample = 0; sample < (quick ? 1 : SAMPLES); sample++) {
    await delay(SAMPLE_MS);
    const now = residentBytes(pids);
    if (sample >= 5 && Math.abs(now - last) < STEADY * last) return now;
    last = now;
  }
  return last;
}
