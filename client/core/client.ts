import { systemClock } from '../../common/clock.ts';
import type { Heartbeat } from '../../protos/gen/live/v1/Heartbeat.ts';
import type { PublishResults } from '../../protos/gen/live/v1/PublishResults.ts';
import type { ServerFrame } from '../../protos/gen/live/v1/ServerFrame.ts';
import type { Welcome } from '../../protos/gen/live/v1/Welcome.ts';
import { CONTRACT_REVISION } from '../../protos/revision.ts';
import { Calls } from './calls.ts';
import {
  checkClientOptions,
  checkDuration,
  checkJoinOptions,
  checkPullOptions,
  checkRoomOptions,
} from './check-options.ts';
import { logState } from './connection-log.ts';
import type { ConnectionListener } from './connection-seams.ts';
import type { ConnectionState } from './connection-state.ts';
import { Connection } from './connection.ts';
import type { Counters } from './counters.ts';
import { newCounters } from './counters.ts';
import type { CursorStore } from './cursor-store.ts';
import { MemoryCursorStore } from './cursor-store.ts';
import { Emitter } from './emitter.ts';
import { Endpoints } from './endpoints.ts';
import { clientClosed, cursorStoreFailed } from './errors.ts';
import { LARGEST_FRAME_BYTES } from './frame-size.ts';
import type { Logger } from './logger.ts';
import { guarded, silentLogger } from './logger.ts';
import type {
  ClientOptions,
  JoinOptions,
  OutgoingMessage,
  PublishOptions,
  PullOptions,
  RoomOptions,
} from './options.ts';
import { defaultBackoff, DEFAULT_CALL_TIMEOUT_MS } from './options.ts';
import type { PublishResult } from './publish-order.ts';
import { publishOrder } from './publish-order.ts';
import { Publisher } from './publisher.ts';
import type { PullEvent } from './pull.ts';
import { pullEvents, pullRequest } from './pull.ts';
import { DEFAULT_WINDOW_BYTES } from './room-credit.ts';
import type { RoomInfo } from './room-info.ts';
import { roomInfoFromWire } from './room-info.ts';
import { Rooms } from './rooms.ts';
import { Route } from './route.ts';
import type { RoomSubscription } from './subscription.ts';
import { Tokens } from './tokens.ts';
import type { Transport } from './transport.ts';
import type { Upstream, UpstreamCause } from './upstream.ts';
import { UpstreamStatus } from './upstream.ts';

/**
 * What a client tells while it runs. Listeners may do anything with the client, also close it. An error that one throws disturbs neither
 * the client nor other listeners, and is an uncaught one.
 */
export interface LiveClientEvents {
  /** The connection's state changed. */
  state: [state: ConnectionState, previous: ConnectionState];
  /** Whether the gateway can prove what it says of rooms, and if not why, when that changes. */
  upstream: [upstream: Upstream, causes: readonly UpstreamCause[]];
  /**
   * A frame is on its way for longer than the gateway is silent: so many of its `total` bytes came, in so many milliseconds. The link is slow, not
   * dead. Told again after each further silence in which something came. `total` is undefined as long as it is not known.
   */
  slow: [bytes: number, ms: number, total: number | undefined];
  /** So much waits in a room that the gateway may send no more of it, and for some time nothing was taken: nobody reads it. */
  stalled: [room: string];
}

/** How a client is made that does not bring its own transport. */
export interface CoreClientOptions extends ClientOptions {
  /** How gateways are reached. It is the client's from now on, which closes it. */
  readonly transport: Transport;
}

/**
 * A viewer (and publisher): one connection to one of several gateways, any number of rooms on it. It connects when
 * it is first asked for something, and survives every kind of disconnection until `close`.
 *
 * Each room has its own flow control: one that is not read, or read slowly, keeps nothing else waiting, neither other rooms
 * nor the results of publishes.
 */
export class CoreClient extends Emitter<LiveClientEvents> {
  /** What this client has seen so far. */
  readonly counters: Readonly<Counters>;
  readonly #counters = newCounters();
  readonly #logger: Logger;
  readonly #transport: Transport;
  readonly #connection: Connection;
  readonly #rooms: Rooms;
  readonly #publisher: Publisher;
  readonly #calls: Calls;
  readonly #cursorStore: CursorStore;
  readonly #maxFrameBytes: number;
  readonly #upstream = new UpstreamStatus();

  /** @throws LiveError INVALID_ARGUMENT that names the option which makes no sense. */
  constructor(options: CoreClientOptions) {
    super();
    checkClientOptions(options);
    const { transport, clock = systemClock, random = Math.random, backoff = defaultBackoff } = options;
    const endpoints = (): Endpoints => new Endpoints(options.endpoints, clock, random);
    const counters = (this.counters = this.#counters);
    const logger = (this.#logger = options.logger ? guarded(options.logger) : silentLogger);
    this.#transport = transport;
    this.#maxFrameBytes = options.maxFrameBytes ?? LARGEST_FRAME_BYTES;
    this.#cursorStore = options.cursorStore ?? new MemoryCursorStore();
    const connectTimeoutMs = options.connectTimeoutMs ?? 10_000;
    const tokens = new Tokens(options.token);
    this.#calls = new Calls({ transport, endpoints: endpoints(), clock, logger, tokens });
    this.#connection = new Connection(
      {
        hello: {
          client: options.clientName ?? 'live-gateway-client',
          features: [
            'FEATURE_ROOM_STATE',
            ...(options.compression === 'deflate' ? (['FEATURE_DEFLATE'] as const) : []),
          ],
          maxFrameBytes: this.#maxFrameBytes,
          revision: CONTRACT_REVISION,
        },
        connectTimeoutMs,
        silenceFactor: options.silenceFactor ?? 2,
        silenceSlackMs: 250,
        probeTimeoutMs: options.probeTimeoutMs ?? 2_000,
      },
      { transport, route: new Route(endpoints(), backoff, random), clock, counters, tokens, logger },
      this.#connectionListener(),
    );
    this.#rooms = new Rooms({
      clock,
      random,
      counters,
      logger,
      backoff,
      tokenTimeoutMs: connectTimeoutMs,
      windowBytes: options.roomWindowBytes ?? DEFAULT_WINDOW_BYTES,
      stalled: (room) => this.#onStalled(room),
      cursorStore: this.#cursorStore,
      servers: options.endpoints,
      wire: this.#connection,
    });
    this.#publisher = new Publisher({
      clock,
      random,
      counters,
      logger,
      backoff,
      maxPending: options.maxPendingPublishes ?? 1024,
      wire: this.#connection,
    });
  }

  /** The connection as it is now. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Whether the gateway could prove what it says of rooms when it last said so; unspecified before. */
  get upstream(): Upstream {
    return this.#upstream.upstream;
  }

  /** Why it could not, the worst first. */
  get upstreamCauses(): readonly UpstreamCause[] {
    return this.#upstream.causes;
  }

  /**
   * Follows a room. The events come from the subscription's iterator, in order; see `RoomEvent`. A refusal that
   * trying again cannot mend is thrown by the iterator.
   * @throws LiveError if the name is not a room name, the room is joined already, or an option makes no sense.
   */
  join(room: string, options: JoinOptions = {}): RoomSubscription {
    this.#assertOpen();
    checkJoinOptions(options);
    const subscription = this.#rooms.follow(room, options);
    if (!this.#rooms.none) this.#connection.start();
    return subscription;
  }

  /**
   * Publishes one message. A reliable one is sent again with the same key after a reconnect, until it is answered
   * or its time is up; an ephemeral one is sent at most once.
   * @throws LiveError. With the reason PUBLISH_OUTCOME_UNKNOWN the message may have been stored; publishing it
   * again with the error's `key` is safe.
   */
  async publish(
    room: string,
    message: OutgoingMessage,
    options: PublishOptions = {},
  ): Promise<PublishResult> {
    this.#assertOpen();
    const order = publishOrder(room, message, options);
    this.#connection.start();
    return this.#publisher.publish(order);
  }

  /**
   * Reads a range of reliable messages without joining: gap and reset come in their place, `end` is last.
   * @throws LiveError from the iterator; nothing is retried once the first part has come. The reason of `signal` when that is aborted.
   */
  pull(room: string, options: PullOptions = {}): AsyncGenerator<PullEvent, void, undefined> {
    this.#assertOpen();
    checkPullOptions(options);
    const { timeoutMs = DEFAULT_CALL_TIMEOUT_MS, signal } = options;
    const parts = this.#calls.pull(pullRequest(room, options, this.#maxFrameBytes), { timeoutMs, signal });
    return pullEvents(room, parts, () => {
      this.#assertOpen();
      signal?.throwIfAborted();
    });
  }

  /**
   * Describes a room.
   * @throws LiveError of the last endpoint tried; the reason of `signal` when that is aborted
   */
  async room(room: string, options: RoomOptions = {}): Promise<RoomInfo> {
    this.#assertOpen();
    checkRoomOptions(options);
    const { timeoutMs = DEFAULT_CALL_TIMEOUT_MS, signal } = options;
    return roomInfoFromWire(await this.#calls.room(room, { timeoutMs, signal }));
  }

  /**
   * Finds out now whether the connection still works, not only after a silence, and tries now to have one instead of after a delay: for an application that hears of
   * something the client cannot know, such as another network, or that the machine was asleep. Whatever is well stays as it is.
   * @param timeoutMs how long an answer may take, in milliseconds; `probeTimeoutMs` unless given. In pages twice as long after each probe that stayed unanswered
   * @throws LiveError if it makes no sense
   */
  probe(timeoutMs?: number): void {
    if (timeoutMs !== undefined) checkDuration('timeoutMs', timeoutMs);
    this.#connection.probe(timeoutMs);
  }

  /**
   * Ends everything, at once: subscriptions are done (what is queued was not handled, and comes again with their cursor), pulls and
   * publishes reject, sockets are gone, cursors are flushed. To be called from anywhere, also from a listener, and more than once.
   * @throws LiveError if the cursor store could not be flushed; everything else has ended then.
   */
  async close(): Promise<void> {
    this.#connection.close();
    this.#calls.close();
    this.#transport.close();
    try {
      await this.#cursorStore.flush();
    } catch (error) {
      throw cursorStoreFailed(error);
    }
  }

  #connectionListener(): ConnectionListener {
    return {
      opening: () => this.#rooms.opening(),
      welcomed: (welcome) => this.#onWelcomed(welcome),
      frame: (frame, bytes) => this.#onFrame(frame, bytes),
      slow: (bytes, silentMs, total) => this.emit('slow', bytes, silentMs, total),
      lost: () => this.#onLost(),
      stateChanged: (state, previous) => this.#onStateChanged(state, previous),
    };
  }

  #onWelcomed({ epoch, limits }: Welcome): void {
    this.#rooms.welcomed(epoch);
    this.#publisher.connected(limits ?? { publishes: 1, payloadBytes: 0, requestBytes: 0 });
  }

  #onLost(): void {
    this.#rooms.lost();
    this.#publisher.disconnected();
    if (this.#upstream.forget()) this.#tellUpstream();
  }

  #onFrame(frame: ServerFrame, bytes: number): void {
    if (frame.publishResults) this.#onPublishResults(frame.publishResults);
    else this.#rooms.onFrame(frame, bytes);
    if (frame.heartbeat) this.#onHeartbeat(frame.heartbeat);
  }

  #onPublishResults({ results }: PublishResults): void {
    this.#publisher.onResults(results);
    if (results.some(({ published }) => published)) this.#connection.gained();
  }

  #onHeartbeat(heartbeat: Heartbeat): void {
    // Where nothing is asked for, that it lasts is all that a connection can be good for.
    if (this.#rooms.none && this.#publisher.idle) this.#connection.gained();
    if (this.#upstream.heard(heartbeat)) this.#tellUpstream();
  }

  #tellUpstream(): void {
    this.emit('upstream', this.#upstream.upstream, this.#upstream.causes);
  }

  #onStalled(room: string): void {
    this.#counters.stalls += 1;
    this.emit('stalled', room);
  }

  #onStateChanged(state: ConnectionState, previous: ConnectionState): void {
    if (state.kind === 'closed') {
      this.#rooms.close(state.cause);
      this.#publisher.close(state.cause ?? clientClosed());
    }
    logState(this.#logger, state, previous);
    this.emit('state', state, previous);
  }

  #assertOpen(): void {
    if (this.state.kind === 'closed') throw clientClosed();
  }
}
