import type { Http2Session, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Intake, Readable, Reading } from '../connections/intake.ts';

/** What has to be known and done of the connections that calls come by. */
export interface CallConnections {
  /** Is told of a connection that has reset a call before its turn, at once. */
  readonly resetEarly: (session: ServerHttp2Session) => void;
  readonly reading: Reading<Http2Session>;
}

/** The calls in the {@link Intake}. What is reset before its turn costs no more than HTTP/2 itself. */
export class CallIntake {
  readonly #intake: Intake;
  readonly #connections: CallConnections;

  constructor(intake: Intake, connections: CallConnections) {
    this.#intake = intake;
    this.#connections = connections;
  }

  /** Begins with the call of a stream when it is its turn, unless the stream is gone by then. */
  start(stream: ServerHttp2Stream, start: () => void): void {
    // Until it has started nobody else listens. It stays: an emitter from which the last listener of a kind was removed takes more memory.
    stream.on('error', ignore);
    const session = stream.session as ServerHttp2Session | undefined;
    if (session === undefined) return;
    const closed = (): void => this.#connections.resetEarly(session);
    stream.on('close', closed);
    this.#intake.enter(
      session,
      {
        isGone: () => isGone(stream),
        begin: () => {
          stream.off('close', closed);
          start();
        },
        drop: () => {
          stream.off('close', closed);
          closed();
        },
      },
      this.#connections.reading,
    );
  }

  /** Has a call read its next frame: see {@link Intake.read}. */
  read(session: Http2Session, call: Readable): void {
    this.#intake.read(session, call, this.#connections.reading);
  }
}

function isGone({ closed, destroyed, aborted, session }: ServerHttp2Stream): boolean {
  if (closed || destroyed || aborted) return true;
  if (session === undefined || session.destroyed) return true;
  // A socket may be gone before its session says so; one that was reset before anybody asked has no other end to name.
  return session.socket.destroyed || session.socket.remoteAddress === undefined;
}

function ignore(): void {
  // The stream's end is all that there is to know of it.
}
