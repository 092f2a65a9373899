import type { UpstreamCause, UpstreamCauses } from '../upstream/upstream-cause.ts';

/** What a gateway has open and has had to do; for metrics, and for tests that look for leaks. */
export interface GatewayStats {
  /** Viewers' streams open now. */
  readonly sessions: number;
  /** Viewers' streams that were sent to gateways with fewer. */
  readonly sessionsMoved: number;
  /** TCP connections open now. */
  readonly connections: number;
  /** Rooms open now, including those kept for a while after their last viewer. */
  readonly rooms: number;
  /** Viewers that have not been handed everything up to their room's head. */
  readonly lagging: number;
  /** Viewers whose application has not confirmed everything that they were handed. */
  readonly unacknowledged: number;
  /** Memory taken by messages, in bytes. */
  readonly memory: number;
  /** Memory taken by frames and requests that are not complete, in bytes. */
  readonly receivingBytes: number;
  /** Times that no more files and sockets could be opened. */
  readonly descriptorsExhausted: number;
  /** Times that a room's feed could not be proven and the stream was asked. */
  readonly repairs: number;
  /** Pages of history read from the stream. */
  readonly historyReads: number;
  /** Gaps announced to viewers. */
  readonly gaps: number;
  /** Resets announced to viewers. */
  readonly resets: number;
  /** Ephemeral messages beyond the budgets of their rooms, which no viewer got. */
  readonly ephemeralSampledOut: number;
  /** Ephemeral messages that viewers were told they missed, for whatever reason. */
  readonly ephemeralDropped: number;
  /** Bytes that compression kept from being sent. */
  readonly compressionSavedBytes: number;
  /** Tokens that were verified, with whatever outcome. */
  readonly tokensVerified: number;
  /** Time that it took altogether, in seconds. */
  readonly tokenVerificationSeconds: number;
  /** How long ago the keys of the issuer were confirmed, in seconds; undefined where they do not change. */
  readonly keysAgeSeconds: number | undefined;
  /** How long ago it was known who is banned, and which tokens are revoked, in seconds; undefined where nobody is asked for a token. */
  readonly bansAgeSeconds: number | undefined;
  /** When the certificate that viewers are shown expires, in milliseconds since the Unix epoch; undefined without TLS. */
  readonly certificateExpiryMs: number | undefined;
  /** What was refused, by its reason. */
  readonly refused: ReadonlyMap<string, number>;
  /** What is wrong with NATS now. */
  readonly upstreamCauses: UpstreamCauses;
  /** Times that each of these has arisen. */
  readonly upstreamCausesArisen: ReadonlyMap<UpstreamCause, number>;
}
