import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { credentials as grpcCredentials, status } from '@grpc/grpc-js';
import { systemClock } from '../../common/clock.ts';
import { prefixed, unprefixed } from '../../protos/enum-names.ts';
import type { Heartbeat } from '../../protos/gen/live/v1/Heartbeat.ts';
import type { PublishResults } from '../../protos/gen/live/v1/PublishResults.ts';
import type { ServerFrame } from '../../protos/live.ts';
import { contractRevision } from '../../protos/live.ts';
import { classOfKnownType } from '../../protos/vocabulary.ts';
import { Announcer } from './announcer.ts';
import {
  checkClientOptions,
  checkJoinOptions,
  checkMessage,
  checkPublishOptions,
  checkPullOptions,
  checkTimeout,
} from './check-options.ts';
import type { ConnectionState } from './connection-state.ts';
import { Connection } from './connection.ts';
import type { Counters } from './counters.ts';
import { newCounters } from './counters.ts';
import type { CursorStore } from './cursor-store.ts';
import { MemoryCursorStore } from './cursor-store.ts';
import { Endpoints } from './endpoints.ts';
import { LiveError, clientClosed, cursorStoreFailed } from './errors.ts';
import { channelOptions, defaultKeepalive, grpcTransport } from '../transports/grpc/transport.ts';
import type {
  JoinOptions,
  LiveClientOptions,
  OutgoingMessage,
  PublishOptions,
  PullOptions,
} from './options.ts';
import { defaultBackoff } from './options.ts';
import type { PublishResult } from './publisher.ts';
import { Publisher } from './publisher.ts';
import type { PullEvent } from './pull.ts';
import { pullEvents, pullRequest } from './pull.ts';
import { defaultWindowBytes } from './room-credit.ts';
import { largestFrameBytes } from './receive-frame.ts';
import { Rooms } from './rooms.ts';
import type { RoomSubscription } from './subscription.ts';
import { UnaryCalls } from '../transports/grpc/unary.ts';
import type { Upstream, UpstreamCause } from './upstream.ts';

const defaultCallTimeoutMs = 10_000;

/**
 * What a client tells while it runs. Listeners may do anything with the client, also close it. An error that one throws disturbs neither
 * the client nor other listeners, and is an `uncaughtException` of the process, as with every emitter of Node's.
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

/** A room as the stream's leader sees it. */
export interface RoomInfo {
  readonly room: string;
  /** Sequence of the newest and the oldest reliable message held; 0 when none is. */
  readonly head: bigint;
  readonly first: bigint;
  /** Reliable messages held. */
  readonly count: bigint;
  /** Viewers over all gateways. */
  readonly audience: number;
  readonly epoch: string;
}

/**
 * A viewer (and publisher): one connection to one of several gateways, any number of rooms on it. It connects when
 * it is first asked for something, and survives every kind of disconnection until `close`.
 *
 * Each room has its own flow control: one that is not read, or read slowly, keeps nothing else waiting, neither other rooms
 * nor the results of publishes.
 */
export class LiveClient extends EventEmitter<LiveClientEvents> {
  /** What this client has seen so far. */
  readonly counters: Readonly<Counters>;
  readonly #connection: Connection;
  readonly #rooms: Rooms;
  readonly #publisher: Publisher;
  readonly #unary: UnaryCalls;
  readonly #cursorStore: CursorStore;
  readonly #maxFrameBytes: number;
  readonly #announcer = new Announcer<LiveClientEvents>(this);
  #upstream: Upstream = 'UNSPECIFIED';
  #upstreamCauses: readonly UpstreamCause[] = [];

  /** @throws LiveError INVALID_ARGUMENT that names the option which makes no sense. */
  constructor(options: LiveClientOptions) {
    super();
    checkClientOptions(options);
    const counters = newCounters();
    const clock = options.clock ?? systemClock;
    const random = options.random ?? Math.random;
    const endpoints = (): Endpoints => new Endpoints(options.endpoints, clock, random);
    const backoff = options.backoff ?? defaultBackoff;
    const keepalive = options.keepalive ?? defaultKeepalive;
    const credentials = options.credentials ?? grpcCredentials.createInsecure();
    this.counters = counters;
    this.#maxFrameBytes = options.maxFrameBytes ?? largestFrameBytes;
    this.#cursorStore = options.cursorStore ?? new MemoryCursorStore();
    this.#unary = new UnaryCalls(endpoints(), credentials, channelOptions(keepalive));
    this.#connection = new Connection(
      {
        endpoints: endpoints(),
        hello: {
          client: options.clientName ?? 'live-gateway-client',
          features: options.compression === 'deflate' ? ['FEATURE_DEFLATE'] : [],
          maxFrameBytes: this.#maxFrameBytes,
          revision: contractRevision,
        },
        backoff,
        connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
        silenceFactor: options.silenceFactor ?? 2,
        silenceSlackMs: 250,
        probeTimeoutMs: options.probeTimeoutMs ?? 2_000,
      },
      {
        transport: options.transport ?? grpcTransport(credentials, keepalive, counters),
        clock,
        random,
        counters,
      },
      {
        opening: () => this.#rooms.opening(),
        welcomed: (welcome) => {
          this.#rooms.welcomed(welcome.epoch);
          this.#publisher.connected(welcome.limits ?? { publishes: 1, payloadBytes: 0, requestBytes: 0 });
        },
        frame: (frame, bytes) => this.#onFrame(frame, bytes),
        slow: (bytes, silentMs, total) => this.#announcer.tell('slow', bytes, silentMs, total),
        lost: () => {
          this.#rooms.lost();
          this.#publisher.disconnected();
          // The next gateway may be better off.
          this.#onUpstream('UNSPECIFIED', []);
        },
        stateChanged: (state, previous) => this.#onStateChanged(state, previous),
      },
    );
    this.#rooms = new Rooms({
      clock,
      random,
      counters,
      backoff,
      windowBytes: options.roomWindowBytes ?? defaultWindowBytes,
      stalled: (room) => {
        counters.stalls += 1;
        this.#announcer.tell('stalled', room);
      },
      cursorStore: this.#cursorStore,
      servers: options.endpoints,
      wire: this.#connection,
    });
    this.#publisher = new Publisher({
      clock,
      random,
      counters,
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
    return this.#upstream;
  }

  /** Why it could not, the worst first. */
  get upstreamCauses(): readonly UpstreamCause[] {
    return this.#upstreamCauses;
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
    this.#connection.start();
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
    checkMessage(message);
    checkPublishOptions(options);
    const { type, sender = '', key: given = '', headers = {} } = message;
    // Made here and once: the gateway would make another one for each attempt.
    const key = given === '' ? randomUUID() : given;
    const deliveryClass = message.class ?? classOfKnownType(type);
    if (deliveryClass === undefined) {
      throw new LiveError(status.INVALID_ARGUMENT, `type "${type}" is not known by name and needs a class`, {
        reason: 'TYPE_UNKNOWN',
        key,
      });
    }
    this.#connection.start();
    return this.#publisher.publish({
      message: {
        room,
        type,
        deliveryClass: prefixed('DELIVERY_CLASS', deliveryClass),
        sender,
        payload: Buffer.from(message.payload),
        key,
        headers,
      },
      deliveryClass,
      timeoutMs: options.timeoutMs ?? defaultCallTimeoutMs,
      signal: options.signal,
      ordered: options.ordered ?? false,
    });
  }

  /**
   * Reads a range of reliable messages without joining: gap and reset come in their place, `end` is last.
   * @throws LiveError from the iterator; nothing is retried once the first part has come.
   */
  pull(room: string, options: PullOptions = {}): AsyncGenerator<PullEvent, void, undefined> {
    this.#assertOpen();
    checkPullOptions(options);
    const { timeoutMs = defaultCallTimeoutMs } = options;
    const parts = this.#unary.pull(pullRequest(room, options, this.#maxFrameBytes), timeoutMs);
    return pullEvents(room, parts, () => this.#assertOpen());
  }

  /**
   * Describes a room.
   * @throws LiveError of the last endpoint tried.
   */
  async room(
    room: string,
    { timeoutMs = defaultCallTimeoutMs }: { timeoutMs?: number } = {},
  ): Promise<RoomInfo> {
    this.#assertOpen();
    checkTimeout(timeoutMs);
    const info = await this.#unary.room(room, timeoutMs);
    return { ...info, head: BigInt(info.head), first: BigInt(info.first), count: BigInt(info.count) };
  }

  /**
   * Ends everything, at once: subscriptions are done (what is queued was not handled, and comes again with their cursor), pulls and
   * publishes reject, sockets are gone, cursors are flushed. To be called from anywhere, also from a listener, and more than once.
   * @throws LiveError if the cursor store could not be flushed; everything else has ended then.
   */
  async close(): Promise<void> {
    this.#connection.close();
    this.#unary.close();
    try {
      await this.#cursorStore.flush();
    } catch (error) {
      throw cursorStoreFailed(error);
    }
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

  #onHeartbeat({ upstream, causes }: Heartbeat): void {
    // Where nothing is asked for, that it lasts is all that a connection can be good for.
    if (this.#rooms.none && this.#publisher.idle) this.#connection.gained();
    this.#onUpstream(
      unprefixed('UPSTREAM', upstream),
      causes.map((cause) => unprefixed('UPSTREAM_CAUSE', cause)),
    );
  }

  #onUpstream(upstream: Upstream, causes: readonly UpstreamCause[]): void {
    if (upstream === this.#upstream && causes.join() === this.#upstreamCauses.join()) return;
    this.#upstream = upstream;
    this.#upstreamCauses = causes;
    this.#announcer.tell('upstream', upstream, causes);
  }

  #onStateChanged(state: ConnectionState, previous: ConnectionState): void {
    if (state.name === 'closed') {
      this.#rooms.close(state.cause);
      this.#publisher.close(state.cause ?? clientClosed());
    }
    this.#announcer.tell('state', state, previous);
  }

  #assertOpen(): void {
    if (this.state.name === 'closed') throw clientClosed();
  }
}
