import assert from 'node:assert/strict';
import type { Hello } from '../../protos/gen/live/v1/Hello.ts';
import type { Join } from '../../protos/gen/live/v1/Join.ts';
import type { ClientFrame, ServerFrameInput } from '../../protos/live.ts';
import type { Emission } from '../../server/room/event.ts';
import type { FrameSink } from '../../server/session/writer.ts';
import { Outlet } from '../../server/session/writer.ts';
import { createLogger } from '../../server/observability/logging.ts';
import type { Failure } from '../../server/session/failure.ts';
import { refuse } from '../../server/session/failure.ts';
import { encodeFrame, noticeFrame } from '../../server/session/frames.ts';
import type { Member } from '../../server/session/subscriptions.ts';
import { Memberships } from '../../server/session/subscriptions.ts';
import { parseSeq } from '../../server/session/requests.ts';
import type { CoreGateway } from './core-gateway.ts';

/** How long the gateway is silent at most, in milliseconds. */
export const HEARTBEAT_MS = 4_000;
/** How long a viewer may take for one frame, in milliseconds. */
const STUCK_MS = 100_000;
const TEND_MS = 1_000;

const logger = createLogger('silent');

/** The gateway's end of a link. */
export interface Wire {
  /** Takes one frame; `written` is called when it has gone. */
  carry(frame: Buffer, written: () => void): void;
  /** The gateway has ended the stream: with OK, or by destroying the connection. */
  over(how: 'ended' | 'destroyed'): void;
}

/** One viewer's stream at a {@link CoreGateway}: what `server/session/session.ts` is to gRPC, less what gRPC needs. */
export class MemorySession implements FrameSink, Member {
  readonly #wire: Wire;
  readonly #outlet: Outlet;
  readonly #rooms: Memberships;
  readonly #clock: CoreGateway['clock'];
  readonly #tending: { cancel(): void };
  maxFrameBytes = 4 * 1024 * 1024;
  #form: 'plain' | 'deflated' = 'plain';
  #state: 'open' | 'leaving' | 'over' = 'open';

  constructor({ hub, scheduler, clock }: CoreGateway, wire: Wire) {
    this.#wire = wire;
    this.#clock = clock;
    this.#outlet = new Outlet(this, scheduler, clock);
    this.#rooms = new Memberships(this, hub, this.#outlet, 10);
    this.#tending = clock.every(TEND_MS, () => this.#tend());
  }

  receive(frame: ClientFrame): void {
    if (this.#state !== 'open') return;
    switch (frame.frame) {
      case 'hello':
        return this.#greet(frame.hello as Hello);
      case 'join':
        return this.#rooms.join(frame.join as Join);
      case 'leave':
        return this.#rooms.leave(frame.leave?.room ?? '');
      case 'ack':
        return this.#rooms.acknowledge(frame.ack?.room ?? '', parseSeq(frame.ack?.seq ?? '0'));
      case 'credit':
        return this.#rooms.grant(frame.credit?.room ?? '', Number(frame.credit?.bytes ?? '0'));
      case 'ping':
        return this.send({ pong: { nonce: frame.ping?.nonce ?? '0' } });
      default:
        assert.fail(`a frame that viewers of the world do not send: ${frame.frame}`);
    }
  }

  /** Asks the client to come back at once, and ends the stream with OK when that is said. */
  dismiss(): void {
    if (this.#state !== 'open') return;
    this.#rooms.leaveAll();
    this.send({ reconnect: { afterMs: 0, reason: 'REASON_DRAINING' } });
    this.#state = 'leaving';
  }

  /** The stream is over, by whichever side. */
  finish(): void {
    this.#state = 'over';
    this.#tending.cancel();
    this.#rooms.leaveAll();
    this.#outlet.close();
  }

  write(frame: Buffer): void {
    this.#wire.carry(frame, () => {
      this.#outlet.written();
      if (this.#state === 'leaving' && this.#outlet.backlog === 0) this.#end('ended');
    });
  }

  encode(emission: Emission, room: string): Buffer {
    return emission.kind === 'batch' ? emission.frame[this.#form] : encodeFrame(noticeFrame(emission, room));
  }

  failed(error: unknown): never {
    throw error;
  }

  send(frame: ServerFrameInput): void {
    this.#outlet.send(encodeFrame(frame));
  }

  refuseRoom(error: unknown, room: string): Failure {
    const failure = refuse(logger, error, { room }, 'a room was refused');
    assert.notEqual(failure.reason, 'INTERNAL_ERROR', failure.cause as Error);
    return failure;
  }

  #greet({ features }: Hello): void {
    if (features.includes('FEATURE_DEFLATE')) this.#form = 'deflated';
    const limits = { rooms: 10, publishes: 1, payloadBytes: 1 << 20 };
    this.send({ welcome: { session: 's', heartbeatMs: HEARTBEAT_MS, limits } });
  }

  #tend(): void {
    const nowMs = this.#clock.monotonicMs();
    const { blockedSinceMs, lastWriteMs } = this.#outlet;
    if (blockedSinceMs !== undefined) {
      if (nowMs - blockedSinceMs > STUCK_MS) this.#end('destroyed');
    } else if (nowMs - lastWriteMs + TEND_MS >= HEARTBEAT_MS) {
      this.send({ heartbeat: { rooms: this.#rooms.statuses, upstream: 'UPSTREAM_OK' } });
    }
  }

  #end(how: 'ended' | 'destroyed'): void {
    this.finish();
    this.#wire.over(how);
  }
}
