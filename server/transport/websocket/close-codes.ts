/** How a WebSocket ends (docs/protocol.md). */
export const CLOSE = {
  /** As a stream of gRPC ends with OK. */
  ok: 1000,
  /** The connection did what none may do. */
  policy: 1008,
  /** And the status code of gRPC. */
  refused: 4000,
} as const;
