import { Distribution } from './distribution.ts';

/** What a run measured beside the guarantees. Durations are in milliseconds. */
export interface Measures {
  /** Acknowledged reliable messages. */
  published: number;
  /** Reliable messages of which nobody knows whether they were stored. */
  unknown: number;
  /** Reliable messages that reached applications, repeats included. */
  delivered: number;
  /** Of these, delivered between a join that was not the viewer's first in the room and the end of its replay. */
  replayed: number;
  /** From publish to delivery of acknowledged messages, outside a replay. */
  readonly latency: Distribution;
  /** The same inside a replay: it contains the time that the viewer was cut off. */
  readonly replayLatency: Distribution;
  /** From the start of a fault to the client's first doubt: suspect, moving or backoff. */
  readonly detect: Distribution;
  /** From the start of a fault that broke the connection to the next connection that was welcomed. */
  readonly reconnect: Distribution;
  /** From that welcome to the end of the replay, a value for each room. */
  readonly resume: Distribution;
  readonly ephemeral: {
    received: number;
    /** As told to viewers. */
    dropped: number;
    /** Age at delivery. */
    readonly staleness: Distribution;
  };
  /** Connections welcomed after an earlier one of the viewer had been. */
  reconnects: number;
  /** Received by clients, before HTTP/2 framing. */
  bytes: number;
  /** Repeats that clients received and kept from their applications. */
  duplicatesDropped: number;
  /** Holes that clients noticed in the chain of messages, and repaired by joining again. */
  continuityViolations: number;
  /** JetStream reads of history by the gateways; undefined if nobody counted. */
  historyReads: number | undefined;
}

/** Measures of nothing. */
export function newMeasures(): Measures {
  return {
    published: 0,
    unknown: 0,
    delivered: 0,
    replayed: 0,
    latency: new Distribution(),
    replayLatency: new Distribution(),
    detect: new Distribution(),
    reconnect: new Distribution(),
    resume: new Distribution(),
    ephemeral: { received: 0, dropped: 0, staleness: new Distribution() },
    reconnects: 0,
    bytes: 0,
    duplicatesDropped: 0,
    continuityViolations: 0,
    historyReads: undefined,
  };
}

/** `part / whole`; null when there is no whole. */
export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
