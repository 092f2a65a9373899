import { constants } from 'node:http2';
import type { ServerHttp2Session } from 'node:http2';
import type { Clock } from '../../../common/clock.ts';
import { PerSecond } from '../connections/per-second.ts';

/**
 * Counts what connections send that belongs to no call and has to be answered, PINGs and SETTINGS, and ends those that send too many.
 */
export class ControlFrames {
  readonly #exceeded: (session: ServerHttp2Session) => void;
  readonly #sent: PerSecond<ServerHttp2Session>;
  /** One function for all connections: a closure would take memory for each. */
  readonly #count: (this: ServerHttp2Session) => void;

  /**
   * @param limit how many a connection may send in a second
   * @param exceeded is told of a connection that has sent more, before it is ended
   */
  constructor(clock: Clock, limit: number, exceeded: (session: ServerHttp2Session) => void) {
    this.#exceeded = exceeded;
    this.#sent = new PerSecond(clock, limit);
    const add = (session: ServerHttp2Session): void => this.#add(session);
    this.#count = function () {
      add(this);
    };
  }

  watch(session: ServerHttp2Session): void {
    session.on('ping', this.#count);
    session.on('remoteSettings', this.#count);
  }

  close(): void {
    this.#sent.close();
  }

  #add(session: ServerHttp2Session): void {
    if (this.#sent.add(session) || session.destroyed) return;
    this.#exceeded(session);
    session.destroy(new Error('too many control frames'), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
