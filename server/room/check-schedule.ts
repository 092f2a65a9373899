import type { Clock, Timer } from '../../common/clock.ts';

/** The first delay after something has come; later ones double up to the room's own bound. */
const FIRST_MS = 1000;

/**
 * When the head of a room is compared with the leader's. A room in which messages follow each other proves itself;
 * only silence needs the leader, ever less often.
 */
export class CheckSchedule {
  readonly #clock: Clock;
  readonly #maxMs: number;
  readonly #check: () => Promise<void>;
  #delay = FIRST_MS;
  #moved = false;
  #timer: Timer | undefined;
  #stopped = false;

  /** @param maxMs longest delay between two checks of a silent room, in milliseconds */
  constructor(clock: Clock, maxMs: number, check: () => Promise<void>) {
    this.#clock = clock;
    this.#maxMs = maxMs;
    this.#check = check;
  }

  start(): void {
    this.#timer?.cancel();
    if (this.#stopped) return;
    this.#timer = this.#clock.after(this.#delay, () => this.#due());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** A message has come; after a long silence, what follows it may be lost as well. */
  moved(): void {
    this.#moved = true;
    if (this.#delay === FIRST_MS) return;
    this.#delay = FIRST_MS;
    this.start();
  }

  #due(): void {
    const moved = this.#moved;
    this.#moved = false;
    this.#delay = moved ? FIRST_MS : Math.max(FIRST_MS, Math.min(this.#delay * 2, this.#maxMs));
    if (moved) this.start();
    else void this.#check().then(() => this.start());
  }
}
