import { aborted, sleep } from '../../../common/sleep.ts';
import type { BackendFaults } from './backend-fault.ts';

/** Messages that the stream holds while limits overtake cursors. */
const RETAINED_MESSAGES = 10;
/** How often what is beyond that is let go, in milliseconds. */
const RETENTION_EVERY_MS = 50;

/** Bytes of a payload that gateways leave for what comes with it, of what NATS takes. */
const MESSAGE_OVERHEAD_BYTES = 8 * 1024;
const NATS_PAYLOAD_BYTES = 1024 * 1024;

/** Of these, one after the other, as long as the fault lasts. */
const LARGE_EVERY_MS = 250;

/** Nobody can know what rooms hold, and nothing can be stored. */
const missing = { causes: ['STREAM_MISSING'], blind: true, unstorable: true };

/** What becomes of the stream and what it holds. */
export const streamFaults: BackendFaults<
  'stream-purge' | 'stream-recreate' | 'stream-remove' | 'stream-restore' | 'retention' | 'large-messages'
> = {
  'stream-purge': ({ stream, consequences }) =>
    consequences.removing(async () => {
      await stream.purge();
      return stream.firstSeq();
    }),
  'stream-recreate': ({ stream, consequences }) =>
    consequences.replacing(async (resume) => {
      resume();
      await stream.create(await stream.remove());
      return 'empty';
    }),
  'stream-remove': ({ stream, consequences }, { lifted }) =>
    consequences.replacing(async (resume) => {
      resume();
      const config = await stream.remove();
      await consequences.lasting(missing, () => aborted(lifted));
      await stream.create(config);
      return 'empty';
    }),
  'stream-restore': ({ stream, consequences }, { lifted }) =>
    consequences.replacing(async (resume) => {
      const backup = await stream.backUp();
      await stream.remove();
      resume();
      await consequences.lasting(missing, () => aborted(lifted));
      await stream.restore(backup);
      return 'restored';
    }),
  retention: ({ stream, consequences }, { clock, lifted }) =>
    consequences.removing(async () => {
      while (!lifted.aborted) {
        await stream.keep(RETAINED_MESSAGES);
        await sleep(clock, RETENTION_EVERY_MS, lifted);
      }
      return stream.firstSeq();
    }),
  async 'large-messages'({ stream, consequences }, { clock, lifted }) {
    const payload = Buffer.alloc(NATS_PAYLOAD_BYTES - MESSAGE_OVERHEAD_BYTES, 'x');
    do {
      await consequences.publish(payload);
      await consequences.store(({ room, id }) => stream.storeLargest(room, id));
      await sleep(clock, LARGE_EVERY_MS, lifted);
    } while (!lifted.aborted);
  },
};
