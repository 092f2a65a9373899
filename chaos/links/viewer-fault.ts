import type { Clock } from '../../common/clock.ts';
import { sleep } from '../../common/sleep.ts';

/** A viewer as a fault of its own device sees it. */
export interface FaultyViewer {
  /** Makes the application take `handlingMs` milliseconds over every event; 0 ends that. */
  slowDown(handlingMs: number): void;
  /** Stops the viewer's timers and reads, as a phone does with an application in the background. */
  suspend(): void;
  /** Ends a suspension: timers that fell due fire now, reads go on. */
  resume(): void;
  /** Resets every connection that there is. */
  resetConnections(): void;
  /** Makes the dead one of the viewer's endpoints accept connections and say nothing, until the returned function is called. */
  silenceDeadEndpoint(): () => void;
  /** Makes the application answer one in so many messages from within its loop, until the returned function is called. */
  answerMessages(oneIn: number): () => void;
}

/** A trouble of a viewer's device, application or settings, not of the network between. */
export interface ViewerFault {
  readonly name: string;
  /** Begins the fault; it lasts until `lifted` aborts. */
  apply(viewer: FaultyViewer, lifted: AbortSignal): void;
}

/** How long an application takes over an event; a viewer awaits `handle` after each one. */
export class HandlingPace {
  #handlingMs = 0;
  #changed = new AbortController();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets the time each event takes, in milliseconds, and ends the wait under way. */
  set(handlingMs: number): void {
    this.#handlingMs = handlingMs;
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /** Resolves when the application is done with the event, at once while nothing slows it down. */
  handle(): Promise<void> {
    return sleep(this.#clock, this.#handlingMs, this.#changed.signal);
  }
}
