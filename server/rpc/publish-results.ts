import type { PublishResultInput } from '../../protos/gen/live/v1/PublishResult.ts';
import { encodeFrame } from './frames.ts';

/** Results of one stream's publishes. Those that wait for the transport go in one frame, however many they are. */
export class PublishResults {
  readonly #send: (frame: () => Buffer) => void;
  #waiting: PublishResultInput[] = [];

  /** @param send queues a frame that is made when it is written */
  constructor(send: (frame: () => Buffer) => void) {
    this.#send = send;
  }

  /** Results that wait to be written. */
  get backlog(): number {
    return this.#waiting.length;
  }

  add(result: PublishResultInput): void {
    this.#waiting.push(result);
    if (this.#waiting.length === 1) this.#send(() => this.#frame());
  }

  #frame(): Buffer {
    const results = this.#waiting;
    this.#waiting = [];
    return encodeFrame({ publishResults: { results } });
  }
}
