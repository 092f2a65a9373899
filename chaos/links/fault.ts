import type { Clock } from '../../common/clock.ts';
import type { Direction, Shaper } from './segment.ts';

/** One of the two ends that a link holds. */
export type Side = 'client' | 'server';

/** Bytes of one direction of a link. Those received and not forwarded are in flight or were swallowed. */
export interface ByteCount {
  readonly received: number;
  readonly forwarded: number;
}

/** A link as a fault sees it. */
export interface FaultyLink {
  readonly clock: Clock;
  readonly bytes: Readonly<Record<Direction, ByteCount>>;
  /**
   * Puts `shaper` last in the chain of a direction, until `lifted` aborts and what it holds has passed.
   * Without `lifted` it stays as long as the link.
   */
  shape(direction: Direction, shaper: Shaper, lifted?: AbortSignal): void;
  /** Ends the connection to one side abruptly (RST). What is in flight to that side is lost. */
  reset(side: Side): void;
  /** Ends the connection to one side in order (FIN), after what is in flight to it. */
  finish(side: Side): void;
  /**
   * Says that the end of this direction (FIN or RST) was swallowed. When both were, nobody is left to notice: the
   * link lets go of its sockets.
   */
  endSwallowed(direction: Direction): void;
}

/** A failure of a network, as it affects one connection. */
export interface Fault {
  readonly name: string;
  /** Begins the fault on `link`. It lasts until `lifted` aborts, unless the fault says otherwise. */
  apply(link: FaultyLink, lifted: AbortSignal): void;
}

/** A fault that has been applied. */
export interface FaultHandle {
  readonly fault: string;
  /** Ends the fault; again, or after the link's end, it does nothing. */
  lift(): void;
}
