import { constants } from 'node:http2';
import type { ServerHttp2Session } from 'node:http2';
import type { Clock, Timer } from '../../../common/clock.ts';

const SECOND_MS = 1_000;

/**
 * Counts what connections send that belongs to no call and has to be answered, PINGs and SETTINGS, and ends those that send too many. Who sends none in a
 * second costs nothing here.
 */
export class ControlFrames {
  readonly #limit: number;
  readonly #exceeded: (session: ServerHttp2Session) => void;
  /** How many have come in this second. */
  readonly #counts = new Map<ServerHttp2Session, number>();
  readonly #timer: Timer;
  /** One function for all connections: a closure would take memory for each. */
  readonly #count: (this: ServerHttp2Session) => void;

  /**
   * @param limit how many a connection may send in a second
   * @param exceeded is told of a connection that has sent more, before it is ended
   */
  constructor(clock: Clock, limit: number, exceeded: (session: ServerHttp2Session) => void) {
    this.#limit = limit;
    this.#exceeded = exceeded;
    const add = (session: ServerHttp2Session): void => this.#add(session);
    this.#count = function () {
      add(this);
    };
    this.#timer = clock.every(SECOND_MS, () => this.#counts.clear());
  }

  watch(session: ServerHttp2Session): void {
    session.on('ping', this.#count);
    session.on('remoteSettings', this.#count);
  }

  close(): void {
    this.#timer.cancel();
    this.#counts.clear();
  }

  #add(session: ServerHttp2Session): void {
    const count = (this.#counts.get(session) ?? 0) + 1;
    this.#counts.set(session, count);
    if (count <= this.#limit || session.destroyed) return;
    this.#exceeded(session);
    session.destroy(new Error('too many control frames'), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
