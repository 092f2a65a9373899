import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../common/clock.ts';
import type { Random } from '../../../common/random.ts';
import { unprefixed } from '../../../protos/enum-names.ts';
import type { Cursor } from '../../../protos/gen/live/v1/Cursor.ts';
import type { Heartbeat } from '../../../protos/gen/live/v1/Heartbeat.ts';
import type { Joined } from '../../../protos/gen/live/v1/Joined.ts';
import type { RoomState } from '../../../protos/gen/live/v1/RoomState.ts';
import type { Reconnect } from '../../../protos/gen/live/v1/Reconnect.ts';
import type { Refusal } from '../../../protos/gen/live/v1/Refusal.ts';
import type { ClientFrame, ServerFrame } from '../../../protos/live.ts';
import type { KnownReason } from '../../../protos/reasons.ts';
import { reasons } from '../../../protos/reasons.ts';
import { status } from '../../../protos/status-codes.ts';
import type { TraceParent } from '../../observability/tracing.ts';
import type { Carrier, CarrierListener } from '../../session/carrier.ts';
import { Failure } from '../../session/failure.ts';
import { problemOf } from '../http/statuses.ts';
import { HttpConnection } from '../http/connection.ts';
import { Pieces } from '../http/pieces.ts';
import { sendProblem } from '../http/problem.ts';
import { traceParentOf } from '../http/trace-parent.ts';
import { cursorText } from '../json/cursor-text.ts';
import { stateJson } from '../json/state-json.ts';
import type { BatchTexts } from './batch-texts.ts';
import { decodePrefixed } from './batch-texts.ts';
import { eventText, HEARTBEAT_TEXT, retryText } from './event-text.ts';

/** After a stream that broke off, a client comes again in a time between these, in milliseconds: not all at once. */
const COME_AGAIN_MS = { least: 1_000, spread: 2_000 };
/** After one that has lived its time, in milliseconds: its viewer misses nothing but what is ephemeral meanwhile. */
const GO_ON_MS = 100;

/** What carriers of server-sent events have in common. */
export interface SseCarrierDependencies {
  readonly texts: BatchTexts;
  readonly random: Random;
  readonly clock: Clock;
  /** Longest life of a stream, in milliseconds, but for the time to the next heartbeat. */
  readonly lifetimeMs: number;
  /** Whether there is no other gateway to go to. */
  readonly alone: () => boolean;
}

/** A request for the events of a room. */
export interface SseRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly peer: string;
  readonly token: string | undefined;
  /** What the client would say if it could: Hello, and Join. */
  readonly frames: readonly ClientFrame[];
}

/**
 * A viewer's stream as server-sent events. The client can say nothing after its request: what it would have to say at the beginning is said for it. The answer
 * begins when the room is joined; before that a refusal is an answer of its own.
 *
 * A client that has vanished without a word cannot be told from one that has nothing to say: what is sent to it is taken by the system, which gives up after a
 * quarter of an hour. So no stream lives for longer than a time that is known: after it the stream ends, and whoever is there comes again.
 */
export class SseCarrier implements Carrier {
  readonly transport = 'sse';
  readonly peer: string;
  readonly connection: HttpConnection;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #dependencies: SseCarrierDependencies;
  readonly #pieces: Pieces;
  /** Of the client. */
  readonly #frames: ClientFrame[];
  /** What has yet to be written of what is to be written together. */
  #following: readonly Buffer[] = [];
  /** When the stream is to end, on the monotonic clock. */
  readonly #endsAtMs: number;
  #token: string | undefined;
  /** Whether the heartbeat that comes with Welcome is behind it: what the client asks for has been decided on, or is waited for, when the next one comes. */
  #greeted = false;
  #listener: CarrierListener | undefined;
  /** Of the cursors that the client gets; empty until it has joined. */
  #epoch = '';
  #audience: number | undefined;
  #upstream: Heartbeat['upstream'] = 'UPSTREAM_OK';

  constructor({ request, response, peer, token, frames }: SseRequest, dependencies: SseCarrierDependencies) {
    this.peer = peer;
    this.#request = request;
    this.#response = response;
    this.#token = token;
    this.#frames = [...frames];
    this.#dependencies = dependencies;
    const { clock, lifetimeMs, random } = dependencies;
    // Those that began together, after a restart, do not end together.
    this.#endsAtMs = clock.monotonicMs() + lifetimeMs * (0.5 + 0.5 * random());
    this.connection = new HttpConnection(response);
    this.#pieces = new Pieces(response, {
      progressed: () => this.#listener?.progressed(),
      written: () => this.#written(),
    });
  }

  get traceParent(): TraceParent | undefined {
    return traceParentOf(this.#request.headers);
  }

  takeToken(): string | undefined {
    const token = this.#token;
    this.#token = undefined;
    return token;
  }

  open(listener: CarrierListener): void {
    this.#listener = listener;
    this.#response.once('close', () => listener.closed());
    this.read();
  }

  read(): void {
    const frame = this.#frames.shift();
    if (frame !== undefined) process.nextTick(() => this.#listener?.received({ kind: 'frame', frame }));
  }

  readOn(): void {
    this.read();
  }

  write([first, ...following]: readonly Buffer[]): void {
    this.#following = following;
    if (first !== undefined) this.#write(first);
  }

  #write(prefixed: Buffer): void {
    // It was told why, and that was the last.
    if (this.#response.writableEnded) return this.#taken();
    const kept = this.#dependencies.texts.get(prefixed, this.#epoch);
    if (kept !== undefined) return this.#pieces.write(kept);
    const frame = decodePrefixed(prefixed);
    if (frame.roomError) return this.#lose(frame.roomError.refusal);
    const text = frame.batch
      ? this.#dependencies.texts.make(prefixed, frame.batch, this.#epoch)
      : Buffer.from(this.#textOf(frame));
    if (text.length > 0) this.#pieces.write(text);
    else this.#taken();
  }

  end(): void {
    this.#pieces.finish();
    this.#response.end();
  }

  refuse(failure: Failure): void {
    this.#pieces.finish();
    this.#refuse(failure);
  }

  reset(): void {
    this.terminate();
  }

  terminate(): void {
    this.connection.terminate();
  }

  /** Between two writes. Whoever is sent nothing else gets heartbeats, so that it is looked at often enough. */
  #written(): void {
    if (this.#following.length > 0) return this.write(this.#following);
    const ends = !this.#response.writableEnded && this.#dependencies.clock.monotonicMs() >= this.#endsAtMs;
    if (ends) this.#response.end(retryText(GO_ON_MS));
    this.#listener?.written();
    if (ends) this.#listener?.halfClosed();
  }

  /** Nothing had to be sent. */
  #taken(): void {
    if (this.#following.length > 0) return this.write(this.#following);
    process.nextTick(() => this.#listener?.written());
  }

  /** The only room is refused, or lost: nothing else will come. */
  #lose(refusal: Refusal | null): void {
    const reason = unprefixed('REASON', refusal?.reason ?? 'REASON_INTERNAL_ERROR') as KnownReason;
    const { message = '', retryAfterMs } = refusal ?? {};
    this.#refuse(new Failure(reason, message, retryAfterMs === undefined ? {} : { retryAfterMs }));
    this.#taken();
  }

  #refuse(failure: Failure): void {
    const { reason, message, retryAfterMs } = failure;
    if (!this.#response.headersSent && !this.#comesAgain(failure))
      return sendProblem(this.#response, problemOf(failure));
    this.#begin();
    const event = eventText({ event: 'refused', data: { reason, message, retryAfterMs } });
    this.#response.end(this.#comeAgain(retryAfterMs) + event);
  }

  /**
   * An EventSource comes again by itself after the end of a stream, but never after a status other than 200: what is only for now has to be told it in a
   * stream. What only another token would help with is told everybody by the status: it comes again with the same.
   */
  #comesAgain({ reason, code }: Failure): boolean {
    const takesEvents = this.#request.headers.accept?.includes('text/event-stream') === true;
    const { retry } = reasons[reason];
    return takesEvents && (retry === 'backoff' || (retry === 'reconnect' && code !== status.UNAUTHENTICATED));
  }

  #begin(): void {
    if (this.#response.headersSent) return;
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
  }

  /** @param afterMs no sooner than that, in milliseconds */
  #comeAgain(afterMs = 0): string {
    const { least, spread } = COME_AGAIN_MS;
    return retryText(Math.max(least, afterMs) + spread * this.#dependencies.random());
  }

  /** Empty: there is nothing to be said. */
  #textOf(frame: ServerFrame): string {
    switch (frame.frame) {
      case 'joined':
        return this.#joined(frame.joined as Joined);
      case 'gap': {
        const { after, next, cause, cursor } = frame.gap ?? {};
        const data = {
          after: Number(after),
          next: Number(next),
          cause: unprefixed('CAUSE', cause ?? 'CAUSE_UNSPECIFIED'),
        };
        return eventText({ event: 'gap', id: this.#stand(cursor), data });
      }
      case 'reset': {
        const { cause, cursor } = frame.reset ?? {};
        const data = { cause: unprefixed('CAUSE', cause ?? 'CAUSE_UNSPECIFIED') };
        return eventText({ event: 'reset', id: this.#stand(cursor), data });
      }
      case 'caughtUp':
        return eventText({ event: 'caught-up', id: this.#stand(frame.caughtUp?.cursor), data: {} });
      case 'roomState':
        return eventText({ event: 'state', data: stateJson(frame.roomState as RoomState) });
      case 'heartbeat':
        return this.#heartbeat(frame.heartbeat as Heartbeat);
      case 'reconnect':
        return this.#goAway(frame.reconnect as Reconnect);
      case 'tokenExpiring':
        return eventText({
          event: 'token-expiring',
          data: { expiresInMs: frame.tokenExpiring?.expiresInMs ?? 0 },
        });
      default:
        return '';
    }
  }

  #joined({ cursor, head, outcome }: Joined): string {
    this.#begin();
    const data = { outcome: unprefixed('OUTCOME', outcome), head: Number(head) };
    return this.#comeAgain() + eventText({ event: 'joined', id: this.#stand(cursor), data });
  }

  /** The client stands there from now on. */
  #stand(cursor: Cursor | null | undefined): string | undefined {
    if (!cursor) return undefined;
    this.#epoch = cursor.epoch;
    return cursorText(cursor);
  }

  /**
   * What has changed since the client was last told, or else only a sign of life: also while it waits for its room, because a proxy that gets no answer would give one
   * of its own, after which an EventSource never comes again.
   */
  #heartbeat({ rooms: [room], upstream, causes }: Heartbeat): string {
    if (!this.#greeted) {
      this.#greeted = true;
      return '';
    }
    const events: string[] = [];
    if (!this.#response.headersSent) events.push(this.#comeAgain());
    this.#begin();
    // Of the room it is told nothing before it is told where it stands.
    if (room !== undefined && this.#epoch !== '' && room.audience !== this.#audience)
      events.push(eventText({ event: 'audience', data: { audience: (this.#audience = room.audience) } }));
    if (upstream !== this.#upstream) {
      this.#upstream = upstream;
      const told = causes.map((cause) => unprefixed('UPSTREAM_CAUSE', cause));
      events.push(
        eventText({ event: 'upstream', data: { upstream: unprefixed('UPSTREAM', upstream), causes: told } }),
      );
    }
    return events.length === 0 ? HEARTBEAT_TEXT : events.join('');
  }

  #goAway({ afterMs, reason }: Reconnect): string {
    const data = { afterMs, reason: unprefixed('REASON', reason) };
    this.#begin();
    // As often as it is told to, an EventSource asks until somebody is there.
    const comeAgain = this.#dependencies.alone() ? this.#comeAgain() : retryText(afterMs);
    return comeAgain + eventText({ event: 'go-away', data });
  }
}
