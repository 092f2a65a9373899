import type { Epochs } from './epochs.ts';
import type { Excuses } from './excuses.ts';

/** What follows for the verdict when messages or the stream are taken away. */
export interface Consequences {
  /** Runs what removes messages; it returns the stream's first sequence afterwards. */
  removing(work: () => Promise<number>): Promise<void>;
  /** Runs what deletes the stream and creates it again. */
  recreating(work: () => Promise<void>): Promise<void>;
}

/**
 * @param nowMs the run's clock
 * @param readEpoch asks for the stream's identity
 */
export function consequencesFor(
  excuses: Excuses,
  epochs: Epochs,
  nowMs: () => number,
  readEpoch: () => Promise<string>,
): Consequences {
  return {
    async removing(work) {
      const fromMs = nowMs();
      const lasting = { fromMs, toMs: Infinity };
      excuses.removed(lasting, 0);
      const firstSeq = await work();
      lasting.toMs = nowMs();
      excuses.removed(lasting, firstSeq);
    },
    async recreating(work) {
      excuses.recreated(nowMs());
      await epochs.change(async () => {
        await work();
        return readEpoch();
      });
    },
  };
}
