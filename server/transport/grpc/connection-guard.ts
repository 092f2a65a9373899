import { constants } from 'node:http2';
import type { Http2Session, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../../../common/clock.ts';
import type { ConnectionReason } from '../../session/refusals.ts';
import type { ConnectionRefusals } from '../connections/connection-refusals.ts';
import { ControlFrames } from './control-frames.ts';
import type { Http2Guard } from './http2-server.ts';
import type { Intake } from '../connections/intake.ts';
import { CallIntake } from './call-intake.ts';
import type { Listener } from './listener.ts';
import { peerName } from '../connections/peer-name.ts';
import { RetiredConnections } from './retired-connections.ts';
import { StreamAllowance } from './stream-allowance.ts';
import { StreamResets } from './stream-resets.ts';

/** What a guard depends on. */
export interface ConnectionGuardDependencies {
  readonly clock: Clock;
  readonly refusals: ConnectionRefusals;
  /** Known before there is a connection. */
  readonly listener: () => Pick<Listener, 'suspect' | 'read' | 'bytesRead'>;
  /** Where calls wait. */
  readonly intake: Intake;
  /** Has whoever is at the other end of a connection told that its call is refused, now or later. */
  readonly refuse: RefuseCall;
}

type RefuseCall = (stream: ServerHttp2Stream, peer: string, answer: () => void) => void;

/** Bounds of what one connection may do. */
export interface ConnectionBounds {
  /** PINGs and SETTINGS that it may send in a second; it is ended when it sends more. */
  readonly controlFrames: number;
  /** Streams that it may have open at once; of more, HTTP/2 refuses each. */
  readonly streams: number;
}

/** Sees to it that what one connection sends costs the others little: all that is known of HTTP/2 passes here before gRPC has it. */
export class ConnectionGuard implements Http2Guard {
  readonly #refusals: ConnectionRefusals;
  readonly #refuseCall: RefuseCall;
  readonly #listener: () => Pick<Listener, 'suspect' | 'read' | 'bytesRead'>;
  readonly #controlFrames: ControlFrames;
  readonly #retired: RetiredConnections;
  readonly #resets: StreamResets;
  readonly #allowance: StreamAllowance;
  readonly intake: CallIntake;

  constructor(
    { clock, refusals, listener, intake, refuse }: ConnectionGuardDependencies,
    { controlFrames, streams }: ConnectionBounds,
  ) {
    this.#refusals = refusals;
    this.#refuseCall = refuse;
    this.#listener = listener;
    const read = (session: Http2Session, on: boolean): void => {
      if (!session.destroyed) listener().read(peerName(session.socket), on);
    };
    const bytesRead = ({ socket }: Http2Session): number => listener().bytesRead(peerName(socket));
    this.#controlFrames = new ControlFrames(clock, controlFrames, (session) =>
      this.#refuse('CONTROL_FRAMES', session),
    );
    this.#retired = new RetiredConnections(clock, { read, bytesRead });
    this.#resets = new StreamResets(clock, (session) => {
      this.#refuse('STREAM_RESETS', session);
      this.#retired.retire(session);
    });
    this.#allowance = new StreamAllowance(streams);
    this.intake = new CallIntake(intake, {
      resetEarly: (session) => this.#resets.early(session),
      reading: read,
    });
  }

  /** Streams that a new connection may have open. */
  get streamsAtFirst(): number {
    return this.#allowance.atFirst;
  }

  /** See {@link Http2Guard}. */
  connected(session: ServerHttp2Session): void {
    this.#controlFrames.watch(session);
  }

  /** See {@link Http2Guard}. */
  tooManyHeaders(stream: ServerHttp2Stream): void {
    const session = stream.session as ServerHttp2Session | undefined;
    stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    if (session !== undefined) this.#resets.oversized(session);
  }

  /** See {@link Http2Guard}. */
  noSuchMethod(stream: ServerHttp2Stream, answer: () => void): void {
    const { socket } = stream.session as ServerHttp2Session;
    this.#refuseCall(stream, peerName(socket), () => {
      if (!stream.destroyed) answer();
    });
  }

  /** See {@link Http2Guard}. */
  opened(stream: ServerHttp2Stream, start: () => void): void {
    this.#resets.watch(stream);
    this.intake.start(stream, start);
  }

  /** A call gets an answer that is no refusal. To be called once for each. */
  served(stream: ServerHttp2Stream): void {
    this.#allowance.served(stream);
  }

  close(): void {
    this.#controlFrames.close();
    this.#retired.close();
  }

  #refuse(reason: ConnectionReason, { socket }: ServerHttp2Session): void {
    const peer = peerName(socket);
    this.#refusals.refuse(reason, peer);
    this.#listener().suspect(peer);
  }
}
