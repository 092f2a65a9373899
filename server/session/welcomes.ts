import { encodeFrame } from './encode-frame.ts';
import type { Served, Terms } from './frames.ts';
import { welcomeFrame } from './frames.ts';

/** As long as the id of a session, and nowhere else in the frame. */
const ANY_ID = '________-____-____-____-____________';

/** An encoded frame, what it was made for, and where in it the session's id belongs. */
interface Template extends Terms {
  readonly epoch: string;
  readonly frame: Buffer;
  readonly idAt: number;
}

/**
 * Answers to Hello, encoded. They differ in the session's id only, which is always as long: when all viewers come back at once to a process that
 * has just begun, to encode each anew is a twentieth of what they cost (docs/bench.md#notes).
 */
export class Welcomes {
  readonly #served: Served;
  #template: Template | undefined;

  constructor(served: Served) {
    this.#served = served;
  }

  /**
   * The frame, behind its prefix.
   * @param id a UUID
   */
  of(id: string, terms: Terms): Buffer {
    const { frame, idAt } = this.#templateFor(terms);
    const welcome = Buffer.from(frame);
    welcome.write(id, idAt, 'latin1');
    return welcome;
  }

  #templateFor({ frameBytes, form, states }: Terms): Template {
    const epoch = this.#served.epoch();
    const last = this.#template;
    if (
      last?.frameBytes === frameBytes &&
      last.form === form &&
      last.states === states &&
      last.epoch === epoch
    )
      return last;
    const frame = encodeFrame(welcomeFrame(ANY_ID, { frameBytes, form, states }, this.#served));
    return (this.#template = { frameBytes, form, states, epoch, frame, idAt: frame.indexOf(ANY_ID) });
  }
}
