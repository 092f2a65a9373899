import type { ConnectionReason, Refusals } from '../../session/refusals.ts';
import type { SampledLog } from '../../observability/sampled-log.ts';

/** What is said of each, and what can be done. */
const TEXTS: Readonly<Record<ConnectionReason, string>> = {
  CONNECTION_LIMIT:
    'a connection was refused: there are as many as may be; raise --max-connections, or the limit of open files if that is lower',
  ADDRESS_CONNECTION_LIMIT:
    'a connection was refused: its address has as many as may be (--max-connections-per-address)',
  CONTROL_FRAMES:
    'a connection was ended: it sent more PINGs and SETTINGS, or frames of WebSocket that end no message, than may be (--control-frames)',
  STREAM_RESETS:
    'a connection takes no more streams: it has reset as many as HTTP/2 lets it; those that it has go on',
  SUSPECT_ADDRESS:
    'a connection was refused: others from its address have broken the rules of their protocol, and too many wait (--suspect-connections)',
  ORIGIN_NOT_ALLOWED: 'a request was refused: it comes from a web page of another origin (--http-origins)',
};

/** Counts connections that are refused or ended for what they do, and says so in the log. */
export class ConnectionRefusals {
  readonly #refusals: Refusals;
  readonly #log: SampledLog;

  constructor(refusals: Refusals, log: SampledLog) {
    this.#refusals = refusals;
    this.#log = log;
  }

  /** @param peer who is at the other end */
  refuse(reason: ConnectionReason, peer: string): void {
    this.#refusals.count(reason);
    this.#log.info({ peer, reason }, TEXTS[reason]);
  }
}
