import type { HistogramView } from '../../common/histogram.ts';
import type { UpstreamCause, UpstreamCauses } from '../upstream/upstream-cause.ts';

/** How many viewers' streams are alike. */
export interface SessionsStat {
  readonly transport: string;
  /** How far they have come. */
  readonly phase: string;
  readonly count: number;
}

/** What was handed to viewers by one transport, in one form. */
export interface DeliveredStat {
  readonly transport: string;
  readonly reliable: { readonly messages: number; readonly bytes: number };
  readonly ephemeral: { readonly messages: number; readonly bytes: number };
}

/** How many publishes of a class came to a result. */
export interface PublishesStat {
  readonly deliveryClass: string;
  readonly result: string;
  readonly count: number;
}

/** What a gateway has open and has had to do; for metrics, and for tests that look for leaks. Durations of histograms are in seconds. */
export interface GatewayStats {
  /** Viewers' streams open now. */
  readonly sessions: number;
  readonly sessionKinds: readonly SessionsStat[];
  /** Viewers' streams that were sent to gateways with fewer. */
  readonly sessionsMoved: number;
  /** How often viewers were asked to go, by the reason. */
  readonly goAways: ReadonlyMap<string, number>;
  /** What was ended because nothing of it was taken. */
  readonly slowConsumers: { readonly streams: number; readonly connections: number };
  /** TCP connections open now. */
  readonly connections: number;
  /** Rooms open now, including those kept for a while after their last viewer. */
  readonly rooms: number;
  /** Viewers in rooms: who is in two counts twice. */
  readonly viewers: number;
  /** Viewers that have not been handed everything up to their room's head. */
  readonly lagging: number;
  /** Viewers whose application has not confirmed everything that they were handed. */
  readonly unacknowledged: number;
  /** Memory taken by messages, and what it is brought back to, in bytes. */
  readonly memory: number;
  readonly memoryLimit: number;
  /** Memory taken by frames and requests that are not complete, in bytes. */
  readonly receivingBytes: number;
  /** Times that no more files and sockets could be opened. */
  readonly descriptorsExhausted: number;
  /** Times that a room's feed could not be proven and the stream was asked. */
  readonly repairs: number;
  /** Pages of history read from the stream, and how long that took. */
  readonly historyReads: number;
  readonly historyReadSeconds: HistogramView;
  /** How joins began, by their outcome. */
  readonly joins: Readonly<Record<string, number>>;
  /** Gaps announced to viewers. */
  readonly gaps: number;
  /** Resets announced to viewers. */
  readonly resets: number;
  readonly delivered: readonly DeliveredStat[];
  /** From when a message was stored to when a viewer was handed it live. */
  readonly deliverySeconds: HistogramView;
  /** How long it took until everybody that waited had had a turn. */
  readonly passSeconds: HistogramView;
  readonly eventLoopLagSeconds: HistogramView;
  /** Ephemeral messages beyond the budgets of their rooms, which no viewer got. */
  readonly ephemeralSampledOut: number;
  /** Ephemeral messages that viewers were told they missed: for that reason, or because they came too late for some. */
  readonly ephemeralOverRate: number;
  readonly ephemeralLate: number;
  /** Bytes that compression kept from being sent. */
  readonly compressionSavedBytes: number;
  readonly publishes: readonly PublishesStat[];
  /** How long reliable publishes waited for what NATS said of them. */
  readonly publishSeconds: HistogramView;
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
  /** Whether viewers should be sent here. */
  readonly ready: boolean;
  /** Whether there is a connection to NATS by which something comes. */
  readonly natsUp: boolean;
  /** What is wrong with NATS now. */
  readonly upstreamCauses: UpstreamCauses;
  /** Times that each of these has arisen. */
  readonly upstreamCausesArisen: ReadonlyMap<UpstreamCause, number>;
}
