import { randomUUID } from 'node:crypto';
import type { Timer } from '../../common/clock.ts';
import { prefixed } from '../../protos/enum-names.ts';
import type { Hello } from '../../protos/gen/live/v1/Hello.ts';
import type { Join } from '../../protos/gen/live/v1/Join.ts';
import type { Publish } from '../../protos/gen/live/v1/Publish.ts';
import type { ClientFrame, ServerFrameInput } from '../../protos/live.ts';
import { DEFAULT_MAX_FRAME_BYTES, frameLimit } from '../log/sizes.ts';
import type { RoomEvent } from '../room/event.ts';
import type { UpstreamCauses } from '../upstream/upstream-cause.ts';
import type { Carrier, CarrierConnection, CarrierListener, Received } from './carrier.ts';
import { Failure, refuse } from './failure.ts';
import { encodeFrame, heartbeatFrame, noticeFrame, welcomeFrame } from './frames.ts';
import { Publishes } from './publishes.ts';
import { parseSeq } from './requests.ts';
import type { GoAway, SessionDependencies } from './session-dependencies.ts';
import type { SessionState } from './session-state.ts';
import { OPEN } from './session-state.ts';
import type { Consumer } from './slow-consumers.ts';
import type { Subscriber } from './subscriptions.ts';
import { Subscriptions } from './subscriptions.ts';
import type { FrameSink } from './writer.ts';
import { Writer } from './writer.ts';

/** A client whose answers wait in such a number is not read from until they are fewer. */
const MAX_BACKLOG = 128;

/** How much of a client's name is kept, in characters. */
const MAX_CLIENT_NAME = 80;

/** One viewer's stream: the protocol, whatever it is carried by. */
export class Session implements CarrierListener, FrameSink, Subscriber, Consumer {
  readonly id = randomUUID();
  readonly #carrier: Carrier;
  readonly #dependencies: SessionDependencies;
  readonly #ended: (session: Session) => void;
  readonly #writer: Writer;
  readonly #subscriptions: Subscriptions;
  /** Most viewers publish nothing. */
  #publishes: Publishes | undefined;
  /** As the client names itself in Hello, for the log. */
  #client: string | undefined;
  /** The form of batches that the client asked for. */
  #form: 'plain' | 'deflated' = 'plain';
  /** See {@link Subscriber}. */
  maxFrameBytes = DEFAULT_MAX_FRAME_BYTES;
  /** Frames that came. */
  #frames = 0;
  /** `held`: so many answers wait that the next frame has not been asked for. */
  #reading: 'asked' | 'held' = 'asked';
  /** What the client was last told of NATS; nothing yet, but it may remember what another gateway told. */
  #upstreamTold: UpstreamCauses | undefined;
  #state: SessionState;

  /**
   * @param carrier that nobody else listens to; it is opened
   * @param ended called once, when the stream is closed
   */
  constructor(carrier: Carrier, dependencies: SessionDependencies, ended: (session: Session) => void) {
    const { clock, hub, limits, scheduler } = dependencies;
    this.#carrier = carrier;
    this.#dependencies = dependencies;
    this.#ended = ended;
    this.#writer = new Writer(this, scheduler, clock);
    this.#subscriptions = new Subscriptions(this, hub, this.#writer, limits.rooms);
    const timer = clock.after(limits.helloMs, () => {
      this.#fail(new Failure('HELLO_TIMEOUT', `no Hello within ${limits.helloMs} ms`));
    });
    this.#state = { kind: 'awaiting-hello', timer };
    carrier.open(this);
  }

  /* What the carrier tells: see {@link CarrierListener}. */

  received(received: Received): void {
    this.#receive(received);
    if (this.#writer.backlog + (this.#publishes?.backlog ?? 0) > MAX_BACKLOG) this.#reading = 'held';
    else this.#carrier.read();
  }

  written(): void {
    this.#writer.written();
    if (this.#writer.backlog > 0) return;
    if (this.#state.kind === 'leaving') this.#endWhenSaid();
    else if (this.#reading === 'held' && this.#state.kind !== 'over') {
      this.#reading = 'asked';
      this.#carrier.read();
    }
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
   * Called from time to time: a stream that was silent gets a heartbeat, and every stream at its beginning and when NATS has gone or
   * come back, ahead of all that it is owed.
   * @param periodMs time until the next call, in milliseconds
   */
  sweep(nowMs: number, periodMs: number): void {
    if (this.#state.kind !== 'open') return;
    const quietMs = nowMs - this.#writer.lastWriteMs + periodMs;
    const silent = this.blockedSinceMs === undefined && quietMs >= this.#dependencies.limits.heartbeatMs;
    const causes = this.#dependencies.upstreamCauses();
    if (!silent && this.#upstreamTold === causes) return;
    this.#upstreamTold = causes;
    this.send(heartbeatFrame(this.#subscriptions.statuses, causes));
  }

  /** Whether it could go elsewhere now without waiting for what is on its way to it. */
  get movable(): boolean {
    return this.#state.kind === 'open' && this.#writer.blockedSinceMs === undefined;
  }

  /** Asks the client to connect again, and ends the stream with OK. */
  goAway({ afterMs, reason, endpoint = '' }: GoAway): void {
    if (this.#state.kind === 'over') return;
    this.#subscriptions.leaveAll();
    this.send({ reconnect: { afterMs, reason: prefixed('REASON', reason), endpoint } });
    this.#leave();
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
    this.#dependencies.logger.info(this.#facts, 'a slow consumer loses its stream; it can resume');
    this.#carrier.reset();
    this.#finish();
  }

  /** See {@link Consumer}. */
  terminate(): void {
    this.#dependencies.logger.info(
      this.#facts,
      'the connection of a slow consumer is terminated; it can resume',
    );
    this.destroy();
  }

  /** Terminates the connection without a word. */
  destroy(): void {
    this.#carrier.terminate();
    this.#finish();
  }

  /** See {@link FrameSink}. */
  write(frame: Buffer): void {
    this.#carrier.write(frame);
  }

  /** See {@link FrameSink}. */
  deliver(event: RoomEvent, room: string): void {
    switch (event.kind) {
      case 'batch': {
        const frame = event.frame[this.#form];
        this.#dependencies.compression.savedBytes += event.frame.plain.length - frame.length;
        return this.#carrier.write(frame);
      }
      case 'failed':
        return this.#carrier.write(encodeFrame(this.#subscriptions.failed(room, event.error)));
      default:
        return this.#carrier.write(encodeFrame(noticeFrame(event, room)));
    }
  }

  /** See {@link FrameSink}. */
  failed(error: unknown): void {
    this.#fail(error);
  }

  /** Sends a frame before whatever the rooms have. */
  send(frame: ServerFrameInput): void {
    this.#writer.send(encodeFrame(frame));
  }

  /** See {@link Subscriber}. */
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

  #handle(frame: ClientFrame): void {
    if (this.#state.kind === 'awaiting-hello') {
      if (frame.frame !== 'hello') throw new Failure('HELLO_EXPECTED', 'the first frame must be Hello');
      return this.#greet(frame.hello as Hello, this.#state.timer);
    }
    switch (frame.frame) {
      case 'hello':
        throw new Failure('HELLO_REPEATED', 'Hello may be sent once only');
      case 'join':
        return this.#subscriptions.join(frame.join as Join);
      case 'leave':
        return this.#subscriptions.leave(frame.leave?.room ?? '');
      case 'ack':
        return this.#subscriptions.acknowledge(frame.ack?.room ?? '', parseSeq(frame.ack?.seq ?? '0'));
      case 'credit':
        return this.#subscriptions.grant(frame.credit?.room ?? '', Number(frame.credit?.bytes ?? '0'));
      case 'publish':
        this.#publishes ??= this.#newPublishes();
        return void this.#publishes.publish(frame.publish as Publish);
      case 'ping':
        return this.send({ pong: { nonce: frame.ping?.nonce ?? '0' } });
      case undefined:
        return this.#refuseFrame();
    }
  }

  #newPublishes(): Publishes {
    const { publishing: service, limits } = this.#dependencies;
    return new Publishes({
      service,
      limit: limits.publishes,
      send: (frame) => this.#writer.send(frame),
      refuse: (error) => this.#refuse(error, 'a publish was refused'),
    });
  }

  /** What a later version of the contract has added does not end the stream. */
  #refuseFrame(): void {
    const advice = `frame ${this.#frames} is empty, or of a kind that this gateway does not know; it had no effect`;
    const failure = this.#refuse(new Failure('UNKNOWN_FRAME', advice), 'a frame was refused');
    this.send({ frameError: { frame: this.#frames, refusal: failure.toRefusal() } });
  }

  #greet({ client, features, maxFrameBytes }: Hello, timer: Timer): void {
    timer.cancel();
    this.#state = OPEN;
    this.#client = client.slice(0, MAX_CLIENT_NAME);
    if (features.includes('FEATURE_DEFLATE')) this.#form = 'deflated';
    this.maxFrameBytes = frameLimit(maxFrameBytes);
    this.#dependencies.sampledLog.info(this.#facts, 'a session begins');
    this.send(welcomeFrame(this.id, this.maxFrameBytes, this.#form, this.#dependencies));
  }

  /** Ends the stream with OK once every publish has its answer and what was said is written. */
  #leave(): void {
    if (this.#state.kind === 'over' || this.#state.kind === 'leaving') return;
    if (this.#state.kind === 'awaiting-hello') this.#state.timer.cancel();
    this.#state = { kind: 'leaving' };
    this.#subscriptions.leaveAll();
    this.#endWhenSaid();
  }

  #endWhenSaid(): void {
    const { backlog, blockedSinceMs } = this.#writer;
    if ((this.#publishes?.pending ?? 0) > 0 || backlog > 0 || blockedSinceMs !== undefined) return;
    this.#carrier.end();
    this.#finish();
  }

  /** Ends the stream with a reason. What is on its way to the client may be lost by it: it has broken the protocol. */
  #fail(error: unknown): void {
    if (this.#state.kind === 'over') return;
    this.#carrier.refuse(this.#refuse(error, 'a session was refused'));
    this.#finish();
  }

  #refuse(error: unknown, message: string, facts?: { readonly room: string }): Failure {
    return refuse(this.#dependencies.logger, error, { ...this.#facts, ...facts }, message);
  }

  /** Who this is, for the log. */
  get #facts(): { session: string; peer: string; client: string | undefined } {
    return { session: this.id, peer: this.#carrier.peer, client: this.#client };
  }

  #finish(): void {
    if (this.#state.kind === 'over') return;
    if (this.#state.kind === 'awaiting-hello') this.#state.timer.cancel();
    this.#state = { kind: 'over', sinceMs: this.#dependencies.clock.monotonicMs() };
    if (this.#client !== undefined) this.#dependencies.sampledLog.info(this.#facts, 'a session ends');
    this.#subscriptions.leaveAll();
    this.#writer.close();
  }
}
