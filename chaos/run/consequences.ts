import type { Outage, TimeSpan } from '../oracle/history.ts';
import type { Recorder } from '../record/recording.ts';
import type { Epochs } from './epochs.ts';
import type { Excuses } from './excuses.ts';
import type { Draft, Traffic } from './traffic.ts';

/** What a stream that is brought back holds: what it held before, or nothing. */
export type Replacement = 'restored' | 'empty';

/** What follows for the verdict from what faults do to the stream. */
export interface Consequences {
  /** Runs what removes messages; it returns the stream's first sequence afterwards. */
  removing(work: () => Promise<number>): Promise<void>;
  /** Runs what may happen only while nothing is being published. */
  quietly(work: () => Promise<void>): Promise<void>;
  /** Runs what takes the stream away and brings it back, once nothing is being published; `resume` lets that go on. */
  replacing(work: (resume: () => void) => Promise<Replacement>): Promise<void>;
  /** Runs what goes on while something is impossible for every gateway, for certain. */
  lasting(outage: Omit<Outage, keyof TimeSpan>, work: () => Promise<void>): Promise<void>;
  /** Publishes a message through a gateway. */
  publish(payload: Buffer): Promise<void>;
  /** Stores a message by other means; `store` returns its sequence. */
  store(store: (draft: Draft) => Promise<number>): Promise<void>;
}

/** What consequences are drawn in. */
export interface Ledger {
  readonly excuses: Excuses;
  readonly epochs: Epochs;
  readonly traffic: Pick<Traffic, 'pause' | 'publishNow' | 'storeNow'>;
  readonly recorder: Pick<Recorder, 'outage'>;
  /** The run's clock. */
  readonly nowMs: () => number;
  /** Asks for the stream's identity. */
  readonly readEpoch: () => Promise<string>;
}

export function consequencesFor(ledger: Ledger): Consequences {
  const { excuses, epochs, traffic, recorder, nowMs, readEpoch } = ledger;
  return {
    async removing(work) {
      const lasting = { fromMs: nowMs(), toMs: Infinity };
      excuses.removed(lasting, 0);
      const firstSeq = await work();
      lasting.toMs = nowMs();
      excuses.removed(lasting, firstSeq);
    },
    async quietly(work) {
      const resume = await traffic.pause();
      try {
        await work();
      } finally {
        resume();
      }
    },
    async replacing(work) {
      // What is stored while a copy is being taken would be lost with the stream, and nobody could say what was.
      const resume = await traffic.pause();
      try {
        const lasting = { fromMs: nowMs(), toMs: Infinity };
        excuses.changing(lasting);
        const epoch = await epochs.change(async () => {
          const replacement = await work(resume);
          return { epoch: await readEpoch(), restored: replacement === 'restored' };
        });
        if (epoch !== undefined) excuses.changed(epoch);
        lasting.toMs = nowMs();
      } finally {
        resume();
      }
    },
    async lasting(outage, work) {
      const fromMs = nowMs();
      await work();
      recorder.outage({ ...outage, fromMs, toMs: nowMs() });
    },
    publish: (payload) => traffic.publishNow(payload),
    store: (store) => traffic.storeNow(store),
  };
}
