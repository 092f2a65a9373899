import type { LiveClient, OutgoingMessage } from '../../client/index.ts';
import type { RunRecorder } from './recorder.ts';

/** Who publishes what, where. */
export interface LoadOptions {
  readonly client: LiveClient;
  readonly room: string;
  readonly sender: string;
  /** Default: a gift of one byte. */
  readonly message?: OutgoingMessage;
}

/** One publisher that sends message after message, each with a key of its own, as fast as they are stored. */
export class Load {
  readonly #recorder: RunRecorder;
  readonly #options: LoadOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  /** Messages acknowledged. */
  stored = 0;

  constructor(recorder: RunRecorder, options: LoadOptions) {
    this.#recorder = recorder;
    this.#options = options;
    this.#running = this.#run();
    // A failure is thrown by `stop`.
    this.#running.catch(() => undefined);
  }

  /** Resolves when the message under way has its outcome. @throws what a publish was refused with */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { client, room, sender, message = { type: 'gift', payload: 'x' } } = this.#options;
    for (let n = 0; !this.#stopping.signal.aborted; n++) {
      const keyed = { ...message, sender, key: String(n) };
      if (await this.#recorder.publish(client, room, keyed, { timeoutMs: 30_000 })) this.stored++;
    }
  }
}

/** Messages that publishers have had acknowledged together. */
export const storedBy = (loads: readonly Load[]): number =>
  loads.reduce((sum, { stored }) => sum + stored, 0);
