import type { PublishResultInput } from '../../protos/gen/live/v1/PublishResult.ts';
import type { Outlet } from './writer.ts';
import { encodeFrame } from './frames.ts';

/** Results of one stream's publishes. Those that wait for the transport go in one frame, however many they are. */
export class PublishResults {
  readonly #outlet: Outlet;
  #waiting: PublishResultInput[] = [];

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  /** Results that wait to be written. */
  get backlog(): number {
    return this.#waiting.length;
  }

  add(result: PublishResultInput): void {
    this.#waiting.push(result);
    if (this.#waiting.length === 1) this.#outlet.send(() => this.#frame());
  }

  #frame(): Buffer {
    const results = this.#waiting;
    this.#waiting = [];
    return encodeFrame({ publishResults: { results } });
  }
}
