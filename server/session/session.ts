import { prefixed } from '../../protos/enum-names.ts';
import type { Hello } from '../../protos/gen/live/v1/Hello.ts';
import type { ClientFrame, ServerFrameInput } from '../../protos/live.ts';
import { DEFAULT_MAX_FRAME_BYTES, frameLimit } from '../log/sizes.ts';
import type { TraceParent } from '../observability/tracing.ts';
import type { RoomEvent } from '../room/event.ts';
import type { UpstreamCauses } from '../upstream/upstream-cause.ts';
import type { Access } from './access.ts';
import { OPEN_ACCESS } from './access.ts';
import type { Carrier, CarrierConnection, CarrierListener, Received } from './carrier.ts';
import type { ClientFramesHost } from './client-frames.ts';
import { ClientFrames } from './client-frames.ts';
import { dismissed } from './dismissed.ts';
import { Failure } from './failure.ts';
import { encodeFrame } from './encode-frame.ts';
import { heartbeatFrame, noticeFrame } from './frames.ts';
import type { GoAway, SessionDependencies } from './session-dependencies.ts';
import { Reader } from './reader.ts';
import { SessionLog } from './session-log.ts';
import type { SessionPhase, SessionState } from './session-state.ts';
import { OPEN } from './session-state.ts';
import type { Consumer } from './slow-consumers.ts';
import type { Subscriber } from './subscriptions.ts';
import { Subscriptions } from './subscriptions.ts';
import type { TokenHolder } from './tokens.ts';
import { Tokens } from './tokens.ts';
import type { Tally } from './traffic.ts';
import type { FrameSink, UrgentFrame } from './writer.ts';
import { Writer } from './writer.ts';

/** One viewer's stream: the protocol, whatever it is carried by. */
export class Session
  implements CarrierListener, FrameSink, Subscriber, TokenHolder, ClientFramesHost, Consumer
{
  /** See {@link ClientFramesHost}. */
  readonly log: SessionLog;
  readonly #carrier: Carrier;
  readonly #dependencies: SessionDependencies;
  readonly #ended: (session: Session) => void;
  readonly #writer: Writer;
  /** See {@link ClientFramesHost}. */
  readonly subscriptions: Subscriptions;
  readonly #clientFrames: ClientFrames;
  /** Counts what it is sent; of the form of batches that the client asked for. */
  tally: Tally;
  /** See {@link Subscriber}. */
  maxFrameBytes = DEFAULT_MAX_FRAME_BYTES;
  /** Frames that came. */
  #frames = 0;
  readonly #reader: Reader;
  /** How long the next frame has to wait for what this one has asked for. */
  #pauseMs = 0;
  /** What the client may do: nothing is asked of it before Hello. */
  access: Access = OPEN_ACCESS;
  /** See {@link Subscriber}. */
  tellsStates = false;
  /** See {@link ClientFramesHost}. */
  readonly tokens: Tokens | undefined;
  /** What the client was last told of NATS. With Welcome, too: it may remember what another gateway told. */
  #upstreamTold: UpstreamCauses | undefined;
  #state: SessionState;

  /**
   * @param carrier that nobody else listens to; it is opened
   * @param ended called once, when the stream is closed
   */
  constructor(carrier: Carrier, dependencies: SessionDependencies, ended: (session: Session) => void) {
    const { authenticator, clock, limits, scheduler } = dependencies;
    this.#carrier = carrier;
    this.#dependencies = dependencies;
    this.#ended = ended;
    this.tally = dependencies.traffic.of(carrier.transport, 'plain');
    this.log = new SessionLog(carrier.peer, dependencies);
    this.#reader = new Reader(carrier, this);
    this.#writer = new Writer(this, scheduler, clock);
    this.subscriptions = new Subscriptions(this, this.#writer, dependencies);
    if (authenticator.kind === 'tokens') {
      const { verifier, exclusions } = authenticator;
      const graceMs = limits.tokenGraceMs;
      this.tokens = new Tokens(this, this.subscriptions, { verifier, exclusions, clock, graceMs });
    }
    this.#clientFrames = new ClientFrames(this, dependencies);
    const timer = clock.after(limits.helloMs, () => {
      this.#fail(new Failure('HELLO_TIMEOUT', `no Hello within ${limits.helloMs} ms`));
    });
    this.#state = { kind: 'awaiting-hello', timer };
    carrier.open(this);
  }

  /* What the carrier tells: see {@link CarrierListener}. */

  received(received: Received): void {
    this.#pauseMs = 0;
    this.#receive(received);
    if (this.#frames === 1) this.#reader.greeted();
    else if (this.#pauseMs === 0) this.#reader.next();
    else this.#reader.pause(this.#dependencies.clock, this.#pauseMs);
  }

  written(): void {
    this.#writer.written();
    if (this.#writer.backlog > 0) return;
    if (this.#state.kind === 'leaving') this.#endWhenSaid();
    else if (this.#state.kind !== 'over') this.#reader.drained();
  }

  progressed(): void {
    this.#writer.progressed();
  }

  halfClosed(): void {
    this.#leave();
  }

  cancelled(): void {
    this.#finish();
  }

  closed(): void {
    this.#finish();
    this.#ended(this);
  }

  /**
   * Called from time to time: a stream that was silent gets a heartbeat, and every stream when NATS has gone or come back, ahead of all
   * that it is owed.
   * @param periodMs time until the next call, in milliseconds
   */
  sweep(nowMs: number, periodMs: number): void {
    this.tokens?.sweep();
    if (this.#state.kind !== 'open') return;
    const quietMs = nowMs - this.#writer.lastWriteMs + periodMs;
    const silent = this.blockedSinceMs === undefined && quietMs >= this.#dependencies.limits.heartbeatMs;
    const causes = this.#dependencies.upstreamCauses();
    if (silent || this.#upstreamTold !== causes) this.#tellUpstream(causes);
  }

  /** How far it has come. */
  get phase(): SessionPhase {
    return this.#state.kind;
  }

  /** Whether it could go elsewhere now without waiting for what is on its way to it. */
  get movable(): boolean {
    return this.#state.kind === 'open' && this.#writer.blockedSinceMs === undefined;
  }

  /** Asks the client to connect again, and ends the stream with OK. */
  goAway({ afterMs, reason, endpoint = '' }: GoAway): void {
    if (this.#state.kind === 'over') return;
    this.subscriptions.leaveAll();
    this.send({ reconnect: { afterMs, reason: prefixed('REASON', reason), endpoint } });
    this.#leave();
  }

  /** See {@link Subscriber}: those of a connection take turns with those of others. */
  get group(): string {
    return this.#carrier.peer;
  }

  /** See {@link Subscriber}. */
  get traceParent(): TraceParent | undefined {
    return this.#carrier.traceParent;
  }

  /** See {@link Consumer}. */
  get connection(): CarrierConnection | undefined {
    return this.#carrier.connection;
  }

  /** See {@link Consumer}. A stream that is over may still be blocked: what it has in flight is not given back before it is out. */
  get blockedSinceMs(): number | undefined {
    return this.#state.kind === 'over' ? this.#state.sinceMs : this.#writer.blockedSinceMs;
  }

  /** See {@link Consumer}. */
  reset(): void {
    this.log.info('a slow consumer loses its stream; it can resume');
    this.#carrier.reset();
    this.#finish();
  }

  /** See {@link Consumer}. */
  terminate(): void {
    this.log.info('the connection of a slow consumer is terminated; it can resume');
    this.destroy();
  }

  /** Terminates the connection without a word. */
  destroy(): void {
    this.#carrier.terminate();
    this.#finish();
  }

  /** See {@link FrameSink}. */
  write(frames: readonly Buffer[]): void {
    this.#carrier.write(frames);
  }

  /** See {@link FrameSink}. */
  frameOf(event: RoomEvent, room: string): Buffer {
    switch (event.kind) {
      case 'batch':
        this.tally.note(event);
        return event.frame[this.tally.form];
      case 'state':
        return this.#dependencies.stateFrames.of(event.view, room);
      case 'dismissed':
        return encodeFrame(this.subscriptions.failed(room, dismissed(event.dismissal, room)));
      case 'failed':
        return encodeFrame(this.subscriptions.failed(room, event.error));
      default:
        if (event.kind === 'joined') this.#dependencies.hub.counters.joins[event.outcome]++;
        return this.#dependencies.frames.of(noticeFrame(event, room));
    }
  }

  /** See {@link FrameSink} and {@link CarrierListener}. */
  failed(error: unknown): void {
    this.#fail(error);
  }

  /** Sends a frame before whatever the rooms have. */
  send(frame: ServerFrameInput): void {
    this.#writer.send(encodeFrame(frame));
  }

  /** Answers that wait to be written. */
  get backlog(): number {
    return this.#writer.backlog + this.#clientFrames.backlog;
  }

  /** See {@link TokenHolder}. */
  get accepting(): boolean {
    return this.#state.kind === 'awaiting-hello' || this.#state.kind === 'open';
  }

  /** See {@link TokenHolder}. */
  holdReading(): () => void {
    return this.#reader.decide();
  }

  /** See {@link Subscriber}. */
  requireWatch(room: string): void {
    this.access.requireWatch(room);
  }

  /** See {@link Subscriber}. */
  left(room: string): void {
    this.access.drop(room);
  }

  /** See {@link ClientFramesHost}. */
  sendLater(frame: UrgentFrame): void {
    this.#writer.send(frame);
  }

  /** See {@link Subscriber}. */
  refuseRoom(error: unknown, room: string): Failure {
    const failure = this.log.refuse(error, 'a room was refused', { room: room.slice(0, 80) });
    this.#pauseMs = failure.pauseMs;
    return failure;
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

  #tellUpstream(causes: UpstreamCauses): void {
    this.#upstreamTold = causes;
    this.#writer.send(this.#dependencies.frames.of(heartbeatFrame(this.subscriptions.statuses, causes)));
  }

  #handle(frame: ClientFrame): void {
    if (this.#state.kind === 'awaiting-hello') {
      if (frame.frame !== 'hello') throw new Failure('HELLO_EXPECTED', 'the first frame must be Hello');
      return this.#authenticate(frame.hello as Hello);
    }
    this.#clientFrames.handle(frame, this.#frames);
  }

  #authenticate(hello: Hello): void {
    if (this.tokens === undefined) return this.#greet(hello);
    this.tokens.hello(hello.token || this.#carrier.takeToken(), (access) => {
      this.access = access;
      this.#greet(hello);
    });
  }

  #greet({ client, features, maxFrameBytes }: Hello): void {
    if (this.#state.kind === 'awaiting-hello') this.#state.timer.cancel();
    this.#state = OPEN;
    this.log.begins(client, this.access);
    const { welcomes, upstreamCauses, traffic, hub } = this.#dependencies;
    if (features.includes('FEATURE_DEFLATE')) this.tally = traffic.of(this.tally.transport, 'deflated');
    this.maxFrameBytes = frameLimit(maxFrameBytes);
    this.tellsStates = hub.keepsStates && features.includes('FEATURE_ROOM_STATE');
    const { form } = this.tally;
    const terms = { frameBytes: this.maxFrameBytes, form, states: this.tellsStates };
    this.#writer.send(welcomes.of(this.log.id, terms));
    this.#tellUpstream(upstreamCauses());
  }

  /** Ends the stream with OK once every publish has its answer and what was said is written. */
  #leave(): void {
    if (this.#state.kind === 'over' || this.#state.kind === 'leaving') return;
    if (this.#state.kind === 'awaiting-hello') this.#state.timer.cancel();
    this.#state = { kind: 'leaving' };
    this.subscriptions.leaveAll();
    this.#endWhenSaid();
  }

  #endWhenSaid(): void {
    const { backlog, blockedSinceMs } = this.#writer;
    if (this.#clientFrames.pending > 0 || backlog > 0 || blockedSinceMs !== undefined) return;
    this.#carrier.end();
    this.#finish();
  }

  /** Ends the stream with a reason. What is on its way to the client may be lost by it: it has broken the protocol. */
  #fail(error: unknown): void {
    if (this.#state.kind === 'over') return;
    this.#carrier.refuse(this.log.refuse(error, 'a session was refused'));
    this.#finish();
  }

  #finish(): void {
    if (this.#state.kind === 'over') return;
    if (this.#state.kind === 'awaiting-hello') this.#state.timer.cancel();
    this.#state = { kind: 'over', sinceMs: this.#dependencies.clock.monotonicMs() };
    this.log.ends();
    this.subscriptions.leaveAll();
    this.#writer.close();
  }
}
