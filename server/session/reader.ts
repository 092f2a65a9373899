import type { Clock } from '../../common/clock.ts';
import type { Carrier } from './carrier.ts';

/** A client whose answers wait in such a number is not read from until they are fewer. */
const MAX_BACKLOG = 128;

/** What a client is owed. */
export interface Answers {
  /** Answers that wait to be written. */
  readonly backlog: number;
}

/**
 * Asks for the frames of one client:
 * - `asked`: the next one may come;
 * - `held`: so many answers wait that it has not been asked for;
 * - `deciding`: what may be done with it depends on something that is not known yet, or it is to wait.
 */
export class Reader {
  readonly #carrier: Carrier;
  readonly #answers: Answers;
  #state: 'asked' | 'held' | 'deciding' = 'asked';

  constructor(carrier: Carrier, answers: Answers) {
    this.#carrier = carrier;
    this.#answers = answers;
  }

  /** A frame has been dealt with, as far as can be. */
  next(): void {
    if (this.#state === 'deciding') return;
    this.#state = this.#answers.backlog > MAX_BACKLOG ? 'held' : 'asked';
    if (this.#state === 'asked') this.#carrier.read();
  }

  /** Hello has been dealt with, as far as can be. */
  greeted(): void {
    if (this.#state !== 'deciding') this.#carrier.readOn();
  }

  /** A frame has been dealt with; the next one is asked for in so many milliseconds. */
  pause(clock: Clock, ms: number): void {
    if (this.#state !== 'deciding') clock.after(ms, this.decide());
  }

  /** All answers are out. */
  drained(): void {
    if (this.#state === 'held') this.next();
  }

  /** Asks for nothing until the function that this gives is called. */
  decide(): () => void {
    this.#state = 'deciding';
    return () => {
      this.#state = 'held';
      this.next();
    };
  }
}
