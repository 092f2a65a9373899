import type { Clock } from '../../common/clock.ts';

/** Which way bytes go: `up` from the client to the server, `down` from the server to the client. */
export type Direction = 'up' | 'down';

/** What travels along a link: bytes, an orderly end, or an abrupt one. */
export type Segment =
  { readonly kind: 'bytes'; readonly bytes: Buffer } | { readonly kind: 'fin' } | { readonly kind: 'rst' };

/** A segment and when it came, on the clock's monotonic time. */
export interface Arrival {
  readonly segment: Segment;
  readonly atMs: number;
}

/** Where segments go next. */
export interface Output {
  /** Takes a segment, always; a promise asks the writer to wait for it before the next one. */
  write(segment: Segment): Promise<void> | undefined;
}

/** What a shaper works with. */
export interface ShaperContext {
  /** The segments in the order they came. Ends when the fault is lifted, not when the peer ends. */
  readonly input: AsyncIterable<Arrival>;
  readonly output: Output;
  /** Aborts when the fault is lifted or the link is closed: every wait must end then. */
  readonly lifted: AbortSignal;
  readonly clock: Clock;
}

/**
 * What a fault does to one direction of a link. It reads `input` and writes `output` until the input ends;
 * what it has read and means to pass on, it must have written when its promise settles. Segments that it
 * has not read are passed on, in order, by the link.
 */
export type Shaper = (context: ShaperContext) => Promise<void>;
