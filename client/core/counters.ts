/** What a client has seen since it was made; for metrics, tests and the chaos tool. */
export interface Counters {
  /** Connections begun, the first one included. */
  connects: number;
  /** Connections that were welcomed after an earlier one had been. */
  reconnects: number;
  /** Probes sent because of silence. */
  probes: number;
  /** Connections given up because a probe stayed unanswered. */
  probeFailures: number;
  /** Frames and their bytes received, before HTTP/2 framing. */
  framesReceived: number;
  bytesReceived: number;
  /** Reliable messages received again and not passed on. */
  duplicatesDropped: number;
  /** Times that a message, or a cursor, told of a reliable message that never came and no gap was announced for. */
  continuityViolations: number;
  /** Ephemeral messages that the gateway or this client dropped. */
  ephemeralDropped: number;
  /** Times that a room's window was used up and its application took nothing. */
  stalls: number;
  /** Publishes sent again after their connection was lost. */
  publishesResent: number;
}

/** Counters at zero. */
export function newCounters(): Counters {
  return {
    connects: 0,
    reconnects: 0,
    probes: 0,
    probeFailures: 0,
    framesReceived: 0,
    bytesReceived: 0,
    duplicatesDropped: 0,
    continuityViolations: 0,
    ephemeralDropped: 0,
    stalls: 0,
    publishesResent: 0,
  };
}
