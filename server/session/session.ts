import { randomUUID } from 'node:crypto';
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import { Metadata, status } from '@grpc/grpc-js';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';
import type { Clock, Timer } from '../../common/clock.ts';
import type { ClientFrame, ServerFrameInput } from '../../protos/live.ts';
import type { Hello } from '../../protos/gen/live/v1/Hello.ts';
import type { Join } from '../../protos/gen/live/v1/Join.ts';
import type { Publish } from '../../protos/gen/live/v1/Publish.ts';
import type { PublishResultInput } from '../../protos/gen/live/v1/PublishResult.ts';
import { prefixed } from '../../protos/enum-names.ts';
import { contractRevision } from '../../protos/live.ts';
import type { KnownReason } from '../../protos/reasons.ts';
import type { Emission } from '../room/event.ts';
import type { Hub } from '../room/hub.ts';
import type { FrameSink } from './writer.ts';
import { Outlet } from './writer.ts';
import type { Scheduler } from './scheduler.ts';
import type { UpstreamCauses } from '../upstream/upstream-cause.ts';
import type { Logger } from '../observability/logging.ts';
import type { SampledLog } from '../observability/sampled-log.ts';
import { Failure, refuse } from './failure.ts';
import { encodeFrame, noticeFrame } from './frames.ts';
import { http2StreamOf } from '../transport/grpc/http2-stream.ts';
import type { Member } from './subscriptions.ts';
import { Memberships } from './subscriptions.ts';
import { PublishResults } from './publish-results.ts';
import type { PublishService } from './publish-service.ts';
import { parseSeq } from './requests.ts';
import type { Sanctioned } from './slow-consumers.ts';
import { DEFAULT_MAX_FRAME_BYTES, frameLimit, MAX_REQUEST_BYTES } from '../log/sizes.ts';

/** What one client frame was decoded to; bytes that are none do not end the call before it is told why. */
export type Received = { readonly kind: 'frame'; readonly frame: ClientFrame } | { readonly kind: 'garbage' };

/** Bounds of one session. */
export interface SessionLimits {
  readonly rooms: number;
  /** Publishes on one stream that may be waiting for their result. */
  readonly publishes: number;
  readonly heartbeatMs: number;
  /** A client that has not said Hello by then is sent away, in milliseconds. */
  readonly helloMs: number;
}

/** Bytes over all sessions. */
export interface Traffic {
  /** What compression kept from being sent. */
  saved: number;
}

/** What all sessions share. */
export interface SessionContext {
  readonly hub: Hub;
  readonly scheduler: Scheduler;
  readonly publishing: PublishService;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told who comes and goes: in a storm not of everybody. */
  readonly comings: Pick<SampledLog, 'info'>;
  readonly limits: SessionLimits;
  readonly traffic: Traffic;
  /** Identity of the stream, as in cursors. */
  epoch(): string;
  /** What is wrong with NATS now. The same array as long as nothing changes. */
  upstreamCauses(): UpstreamCauses;
  /** Destroys the TCP connection that a call came by. */
  cutOff(peer: string): void;
  /** Called once, when the session's stream is closed. */
  ended(session: Session): void;
}

/** How a client is sent away. */
export interface Dismissal {
  /** When it is to connect again, in milliseconds. */
  readonly afterMs: number;
  readonly reason: KnownReason;
  /** `host:port` where it does best to connect; undefined: elsewhere. */
  readonly endpoint: string | undefined;
}

/** A client whose answers wait in such a number is not read from until they are fewer. */
const MAX_BACKLOG = 128;

/**
 * A frame is handed to its stream in pieces of so many bytes, so that a viewer which takes only a part of it in a long time is seen to take something. More
 * than any frame has but one with a single large message.
 */
const PIECE_BYTES = 80 * 1024;

/** How much of a client's name is kept, in characters. */
const MAX_CLIENT_NAME = 80;

/**
 * - `awaiting-hello`: nothing may come before Hello;
 * - `open`: rooms can be joined;
 * - `leaving`: nothing more is accepted; the call ends with OK when the last answer is written;
 * - `over`: the call has ended and everything is given back; its stream closes when what was written has gone out.
 */
type State =
  | { readonly kind: 'awaiting-hello'; readonly timer: Timer }
  | { readonly kind: 'open' }
  | { readonly kind: 'leaving' }
  | { readonly kind: 'over'; readonly sinceMs: number };

/**
 * One viewer's stream. It listens to its call itself, below the streams that grpc-js would put on top: they cost memory and
 * time, and reading one frame after the other on demand is what they would be used for.
 */
export class Session implements FrameSink, Member, Sanctioned {
  readonly id = randomUUID();
  readonly #call: ServerInterceptingCallInterface;
  /** Frames are written to it; everything else goes by the call. */
  readonly #stream: ServerHttp2Stream;
  readonly #context: SessionContext;
  readonly #outlet: Outlet;
  readonly #peer: string;
  readonly #rooms: Memberships;
  /** Most viewers publish nothing. */
  #results: PublishResults | undefined;
  /** As the client names itself in Hello, for the log. */
  #client: string | undefined;
  /** The form of batches that the client asked for. */
  #form: 'plain' | 'deflated' = 'plain';
  /** See {@link Member}. */
  maxFrameBytes = DEFAULT_MAX_FRAME_BYTES;
  /** What has yet to be handed over of a frame of several pieces. */
  #rest: Buffer | undefined;
  /** Frames that came. */
  #frames = 0;
  #publishes = 0;
  /** `held`: so many answers wait that the next frame has not been asked for. */
  #reading: 'asked' | 'held' = 'asked';
  /** What the client was last told of NATS; nothing yet, but it may remember what another gateway told. */
  #upstreamTold: UpstreamCauses | undefined;
  #state: State;
  readonly #written = (error?: Error | null): void => {
    if (error) return;
    if (this.#rest !== undefined) {
      this.#outlet.progressed();
      this.write(this.#rest);
      return;
    }
    this.#outlet.written();
    if (this.#outlet.backlog > 0) return;
    if (this.#state.kind === 'leaving') this.#endWhenSaid();
    else if (this.#reading === 'held') this.#read();
  };

  /** @param call that nobody else listens to; its stream has not said yet that it is closed */
  constructor(call: ServerInterceptingCallInterface, context: SessionContext) {
    const { clock, hub, limits, scheduler } = context;
    this.#call = call;
    this.#context = context;
    this.#peer = call.getPeer();
    this.#stream = http2StreamOf(call);
    this.#outlet = new Outlet(this, scheduler, clock);
    this.#rooms = new Memberships(this, hub, this.#outlet, limits.rooms);
    const timer = clock.after(limits.helloMs, () => {
      this.#fail(new Failure('HELLO_TIMEOUT', `no Hello within ${limits.helloMs} ms`));
    });
    this.#state = { kind: 'awaiting-hello', timer };
    // A client without headers would hold back what it sends.
    call.sendMetadata(new Metadata());
    call.start(this);
    this.#stream.once('close', () => {
      this.#finish();
      context.ended(this);
    });
  }

  /** What a client has to say of itself comes in Hello. */
  onReceiveMetadata(): void {
    this.#read();
  }

  onReceiveMessage(received: Received): void {
    this.#receive(received);
    if (this.#outlet.backlog + (this.#results?.backlog ?? 0) > MAX_BACKLOG) this.#reading = 'held';
    // Not at once: what has come with it would be handed over by recursion.
    else process.nextTick(readNext, this.#call);
  }

  onReceiveHalfClose(): void {
    this.#leave();
  }

  onCancel(): void {
    this.#finish();
  }

  /**
   * Called from time to time: a stream that was silent gets a heartbeat, and every stream at its beginning and when NATS has gone or
   * come back, ahead of all that it is owed.
   * @param periodMs time until the next call, in milliseconds
   */
  tend(nowMs: number, periodMs: number): void {
    if (this.#state.kind !== 'open') return;
    const quietMs = nowMs - this.#outlet.lastWriteMs + periodMs;
    const silent = this.stuckSinceMs === undefined && quietMs >= this.#context.limits.heartbeatMs;
    if (silent || this.#upstreamTold !== this.#context.upstreamCauses()) this.send(this.#heartbeat());
  }

  /** Whether it could go elsewhere now without waiting for what is on its way to it. */
  get movable(): boolean {
    return this.#state.kind === 'open' && this.#outlet.blockedSinceMs === undefined;
  }

  /** Asks the client to connect again, and ends the call with OK. */
  dismiss({ afterMs, reason, endpoint = '' }: Dismissal): void {
    if (this.#state.kind === 'over') return;
    this.#rooms.leaveAll();
    this.send({ reconnect: { afterMs, reason: prefixed('REASON', reason), endpoint } });
    this.#leave();
  }

  /** See {@link Sanctioned}. */
  get connection(): Http2Session | undefined {
    return this.#stream.session;
  }

  /** See {@link Sanctioned}. A call that is over may still be blocked: what it has in flight is not given back before it is out. */
  get stuckSinceMs(): number | undefined {
    return this.#state.kind === 'over' ? this.#state.sinceMs : this.#outlet.blockedSinceMs;
  }

  /** See {@link Sanctioned}. */
  reset(): void {
    this.#context.logger.info(this.#facts, 'a viewer that takes nothing loses its stream; it can resume');
    this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#finish();
  }

  /** See {@link Sanctioned}. */
  cutOff(): void {
    this.#context.logger.info(this.#facts, 'a viewer that takes nothing is cut off; it can resume');
    this.destroy();
  }

  /** Cuts the connection without a word: the last resort for those that do not listen. */
  destroy(): void {
    this.#context.cutOff(this.#peer);
    this.#finish();
  }

  /** See {@link FrameSink}. */
  write(frame: Buffer): void {
    const large = frame.length > PIECE_BYTES;
    this.#rest = large ? frame.subarray(PIECE_BYTES) : undefined;
    // Where the call has been ended for us, its own event follows.
    if (this.#stream.writable)
      this.#stream.write(large ? frame.subarray(0, PIECE_BYTES) : frame, this.#written);
  }

  /** See {@link FrameSink}. */
  encode(emission: Emission, room: string): Buffer {
    if (emission.kind !== 'batch') return encodeFrame(noticeFrame(emission, room));
    const frame = emission.frame[this.#form];
    this.#context.traffic.saved += emission.frame.plain.length - frame.length;
    return frame;
  }

  /** See {@link FrameSink}. */
  failed(error: unknown): void {
    this.#fail(error);
  }

  /** Sends a frame before whatever the rooms have. */
  send(frame: ServerFrameInput): void {
    this.#outlet.send(encodeFrame(frame));
  }

  /** See {@link Member}. */
  refuseRoom(error: unknown, room: string): Failure {
    return this.#refuse(error, 'a room was refused', { room: room.slice(0, 80) });
  }

  #receive(received: Received): void {
    if (this.#state.kind === 'leaving' || this.#state.kind === 'over') return;
    this.#frames++;
    try {
      if (received.kind === 'garbage') {
        throw new Failure(
          'MALFORMED_FRAME',
          'the bytes are not a ClientFrame: check the version of the client',
        );
      }
      this.#handle(received.frame);
    } catch (error) {
      this.#fail(error);
    }
  }

  #read(): void {
    this.#reading = 'asked';
    this.#call.startRead();
  }

  #handle(frame: ClientFrame): void {
    if (this.#state.kind === 'awaiting-hello') {
      if (frame.frame !== 'hello') throw new Failure('HELLO_EXPECTED', 'the first frame must be Hello');
      return this.#greet(frame.hello as Hello, this.#state.timer);
    }
    switch (frame.frame) {
      case 'hello':
        throw new Failure('HELLO_REPEATED', 'Hello may be sent once only');
      case 'join':
        return this.#rooms.join(frame.join as Join);
      case 'leave':
        return this.#rooms.leave(frame.leave?.room ?? '');
      case 'ack':
        return this.#rooms.acknowledge(frame.ack?.room ?? '', parseSeq(frame.ack?.seq ?? '0'));
      case 'credit':
        return this.#rooms.grant(frame.credit?.room ?? '', Number(frame.credit?.bytes ?? '0'));
      case 'publish':
        return void this.#publish(frame.publish as Publish);
      case 'ping':
        return this.send({ pong: { nonce: frame.ping?.nonce ?? '0' } });
      case undefined:
        return this.#refuseFrame();
    }
  }

  /** What a later version of the contract has added does not end the stream. */
  #refuseFrame(): void {
    const advice = `frame ${this.#frames} is empty, or of a kind that this gateway does not know; it had no effect`;
    const failure = this.#refuse(new Failure('UNKNOWN_FRAME', advice), 'a frame was refused');
    this.send({ frameError: { frame: this.#frames, refusal: failure.toRefusal() } });
  }

  #greet({ client, features, maxFrameBytes }: Hello, timer: Timer): void {
    timer.cancel();
    this.#state = { kind: 'open' };
    this.#client = client.slice(0, MAX_CLIENT_NAME);
    if (features.includes('FEATURE_DEFLATE')) this.#form = 'deflated';
    this.maxFrameBytes = frameLimit(maxFrameBytes);
    const { limits, comings, publishing } = this.#context;
    comings.info(this.#facts, 'a session begins');
    this.send({
      welcome: {
        session: this.id,
        heartbeatMs: limits.heartbeatMs,
        limits: {
          rooms: limits.rooms,
          publishes: limits.publishes,
          payloadBytes: publishing.maxPayload,
          requestBytes: MAX_REQUEST_BYTES,
          frameBytes: this.maxFrameBytes,
        },
        features: this.#form === 'deflated' ? ['FEATURE_DEFLATE'] : [],
        revision: contractRevision,
        epoch: this.#context.epoch(),
      },
    });
  }

  async #publish({ requestId, request }: Publish): Promise<void> {
    const answer = (result: PublishResultInput): void => {
      if (this.#state.kind === 'over') return;
      this.#results ??= new PublishResults(this.#outlet);
      this.#results.add({ ...result, requestId });
    };
    const refused = (error: unknown): void => {
      answer({ refusal: this.#refuse(error, 'a publish was refused').toRefusal() });
    };
    const { publishes } = this.#context.limits;
    if (request === null) {
      refused(new Failure('MESSAGE_INVALID', 'a Publish without a request'));
      return;
    }
    if (this.#publishes >= publishes) {
      const advice = `${publishes} publishes wait for their results: wait for one`;
      refused(new Failure('TOO_MANY_PUBLISHES', advice));
      return;
    }
    this.#publishes++;
    try {
      answer({ published: await this.#context.publishing.publish(request) });
    } catch (error) {
      refused(error);
    } finally {
      this.#publishes--;
    }
  }

  #heartbeat(): ServerFrameInput {
    const causes = this.#context.upstreamCauses();
    this.#upstreamTold = causes;
    return {
      heartbeat: {
        rooms: this.#rooms.statuses,
        upstream: causes.length === 0 ? 'UPSTREAM_OK' : 'UPSTREAM_DEGRADED',
        causes: causes.map((cause) => prefixed('UPSTREAM_CAUSE', cause)),
      },
    };
  }

  /** Ends the call with OK once every publish has its answer and what was said is written. */
  #leave(): void {
    if (this.#state.kind === 'over' || this.#state.kind === 'leaving') return;
    if (this.#state.kind === 'awaiting-hello') this.#state.timer.cancel();
    this.#state = { kind: 'leaving' };
    this.#rooms.leaveAll();
    this.#endWhenSaid();
  }

  #endWhenSaid(): void {
    const { backlog, blockedSinceMs } = this.#outlet;
    if (this.#publishes > 0 || backlog > 0 || blockedSinceMs !== undefined) return;
    this.#call.sendStatus({ code: status.OK, details: 'OK' });
    this.#finish();
  }

  /** Ends the call with a status. What is on its way to the client may be lost by it: it has broken the protocol. */
  #fail(error: unknown): void {
    if (this.#state.kind === 'over') return;
    // A status in the midst of a frame would be taken for a fault of the transport.
    if (this.#rest !== undefined && this.#stream.writable) this.#stream.write(this.#rest);
    this.#rest = undefined;
    this.#call.sendStatus(this.#refuse(error, 'a session was refused').toStatus());
    this.#finish();
  }

  #refuse(error: unknown, message: string, facts?: { readonly room: string }): Failure {
    return refuse(this.#context.logger, error, { ...this.#facts, ...facts }, message);
  }

  /** Who this is, for the log. */
  get #facts(): { session: string; peer: string; client: string | undefined } {
    return { session: this.id, peer: this.#peer, client: this.#client };
  }

  #finish(): void {
    if (this.#state.kind === 'over') return;
    if (this.#state.kind === 'awaiting-hello') this.#state.timer.cancel();
    this.#state = { kind: 'over', sinceMs: this.#context.clock.monotonicMs() };
    if (this.#client !== undefined) this.#context.comings.info(this.#facts, 'a session ends');
    this.#rooms.leaveAll();
    this.#outlet.close();
  }
}

function readNext(call: ServerInterceptingCallInterface): void {
  call.startRead();
}
