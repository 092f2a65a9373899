import type { Clock } from '../../common/clock.ts';
import type { Asker } from '../../common/turns.ts';
import { sleep } from '../../common/sleep.ts';
import type { PullRequest } from '../../protos/gen/live/v1/PullRequest.ts';
import type { PullResponseInput } from '../../protos/gen/live/v1/PullResponse.ts';
import { liveService } from '../../protos/live.ts';
import { bareFrame } from '../log/frame-prefix.ts';
import type { Position } from '../log/position.ts';
import { frameLimit } from '../log/sizes.ts';
import type { RoomEvent } from '../room/event.ts';
import { NotWanted } from '../room/hub.ts';
import type { Room } from '../room/room.ts';
import type { JoinFrom } from '../room/start.ts';
import type { Waker } from '../room/subscription.ts';
import type { Access } from './access.ts';
import { dismissed } from './dismissed.ts';
import { Failure } from './failure.ts';
import { breakFrame } from './frames.ts';
import { OUT_OF_PATIENCE, Patience } from './pull-patience.ts';
import { offered } from './offered-history.ts';
import { joinFrom, parseSeq, requireRoomName } from './requests.ts';
import type { UnaryContext } from './unary.ts';
import { describeHeld, requireWelcome } from './unary.ts';

/** A wait that something is known to end, in milliseconds. */
const LONG_MS = 60_000;

/**
 * `Pull`: a range of reliable messages, by the same subscription as a viewer's but without the live part. Gives encoded PullResponses; the
 * next is made when the one before was handed over.
 * @param gone aborted when nobody waits for them any more
 * @param caller who asks, and what it may do
 * @throws Failure, UpstreamError; what has been given is then all that can be known now
 */
export async function* pull(
  context: UnaryContext,
  request: PullRequest,
  caller: Asker & { readonly access: Access },
  gone: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { clock, life, hub, lookUps, rates } = context;
  const name = requireRoomName(request.room);
  caller.access.requireWatch(name);
  if (request.from !== 'afterSeq') offeredFrom(context, request);
  rates.spend(caller.access.spender(caller.group), 'read');
  const wakeUp = new WakeUp(clock, gone);
  const patience = new Patience(clock, life, () => wakeUp.wake());
  try {
    const sign = { sign: encodeResponse({ batch: { room: name } }), patience, wakeUp };
    const found = lookUps.run(caller, () => find(context, name, caller, gone));
    try {
      const { room, head } = yield* signingUntil(found, sign);
      for await (const part of replay(context, room, head, request, sign)) {
        // Who is excluded meanwhile gets no more of it.
        requireWelcome(context, caller.access);
        yield part;
      }
    } finally {
      // Whoever gives up during a sign does not see the room come.
      found.then(
        ({ room }) => hub.release(room),
        () => undefined,
      );
    }
  } catch (error) {
    // Nobody is there to be told.
    if (!(error instanceof NotWanted)) throw error;
  } finally {
    patience.stop();
  }
}

/** The room, which is to be released, and its head as the leader names it. */
async function find(
  context: UnaryContext,
  name: string,
  asker: Asker,
  gone: AbortSignal,
): Promise<{ readonly room: Room; readonly head: Position }> {
  const wanted = (): boolean => !gone.aborted;
  if (!wanted()) throw new NotWanted(`nobody waits for room ${name} any more`);
  const { epoch, head: seq } = await describeHeld(context, name);
  const room = await context.hub.acquire(name, { asker, wanted });
  return { room, head: { epoch, seq, fingerprint: 0 } };
}

/** Gives the range, up to the head that the leader has named when the call came. */
async function* replay(
  context: UnaryContext,
  room: Room,
  head: Position,
  request: PullRequest,
  waiting: Waiting,
): AsyncGenerator<Buffer, void, undefined> {
  const { follower } = room;
  const { patience, wakeUp } = waiting;
  // What the leader has named may be on its way to the room, or lost.
  let reached = follower.log.watermark >= head.seq;
  if (!reached) {
    void follower.reach(head).then(() => {
      reached = true;
      wakeUp.wake();
    });
  }
  while (!reached && !wakeUp.gone) yield* waited(waiting);
  const from = pullFrom(context, request, follower.log.incarnation.epoch);
  const subscription = room.join(wakeUp, from, { maxFrameBytes: frameLimit(request.maxFrameBytes) });
  try {
    const limit = request.limit === 0 ? Infinity : request.limit;
    while (!wakeUp.gone && subscription.delivered < limit) {
      const event = subscription.next(limit - subscription.delivered);
      if (event === undefined) {
        yield* waited(waiting);
        continue;
      }
      if (event.kind === 'failed') throw event.error;
      if (event.kind === 'dismissed') throw dismissed(event.dismissal, room.name);
      if (event.kind === 'caught-up') break;
      if (event.kind === 'joined' || event.kind === 'state') continue;
      yield encode(event, room.name);
      patience.progressed();
    }
    yield encodeResponse({ end: { cursor: subscription.position, head: room.head } });
  } finally {
    subscription.leave();
  }
}

/** What it takes to wait without leaving in doubt whoever waits for us. */
interface Waiting {
  readonly patience: Patience;
  readonly wakeUp: WakeUp;
  /** Says that we still wait. */
  readonly sign: Buffer;
}

/**
 * Waits until something has happened, and gives a sign if one is due.
 * @throws Failure when nothing comes for too long
 */
async function* waited({ patience, wakeUp, sign }: Waiting): AsyncGenerator<Buffer, void, undefined> {
  await wakeUp.wait(patience.leftMs);
  if (patience.leftMs === 0) throw outOfPatience();
  if (patience.takeSign()) yield sign;
}

/**
 * Settles as the work does, which has a deadline of its own, and gives signs until then.
 * @throws NotWanted when nobody waits for it any more
 */
async function* signingUntil<T>(
  work: Promise<T>,
  { patience, wakeUp, sign }: Waiting,
): AsyncGenerator<Buffer, T, undefined> {
  const settled = new AbortController();
  const settle = (): void => {
    settled.abort();
    wakeUp.wake();
  };
  work.then(settle, settle);
  while (!settled.signal.aborted && !wakeUp.gone) {
    await wakeUp.wait(LONG_MS);
    if (patience.takeSign()) yield sign;
  }
  if (!settled.signal.aborted) throw new NotWanted('nobody waits any more');
  return work;
}

/** Wakes whoever waits; being woken before the wait is not lost. */
class WakeUp implements Waker {
  readonly #clock: Clock;
  readonly #gone: AbortSignal;
  #woken = new AbortController();

  /** @param gone aborted when nobody is there any more: every wait then ends at once */
  constructor(clock: Clock, gone: AbortSignal) {
    this.#clock = clock;
    this.#gone = gone;
    gone.addEventListener('abort', () => this.wake());
  }

  get gone(): boolean {
    return this.#gone.aborted;
  }

  wake(): void {
    this.#woken.abort();
  }

  /** Waits until woken, or for `ms` milliseconds. */
  async wait(ms: number): Promise<void> {
    if (this.gone) return;
    await sleep(this.#clock, ms, this.#woken.signal);
    this.#woken = new AbortController();
  }
}

function outOfPatience(): Failure {
  return new Failure(
    'UPSTREAM_UNAVAILABLE',
    `${OUT_OF_PATIENCE}: what is stored is not known now; pull again later, from where this has come to`,
  );
}

/**
 * Where a pull begins that brings a cursor, or names a start.
 * @throws Failure when it does neither
 */
function offeredFrom({ policies, clock }: UnaryContext, { room, cursor, start }: PullRequest): JoinFrom {
  return offered(joinFrom(cursor, start), policies.of(room), room, clock.wallMs());
}

/** Where a pull begins. `epoch` is the stream's. */
function pullFrom(context: UnaryContext, request: PullRequest, epoch: string): JoinFrom {
  const { from, afterSeq } = request;
  switch (from) {
    case 'afterSeq':
      // A bare sequence is a cursor without proof of its message: what was evicted behind it is still told.
      return { kind: 'cursor', cursor: { epoch, seq: parseSeq(afterSeq ?? '0'), fingerprint: 0 } };
    default:
      return offeredFrom(context, request);
  }
}

function encode(event: Extract<RoomEvent, { kind: 'batch' | 'gap' | 'reset' }>, room: string): Buffer {
  // The fields of PullResponse have the numbers that they have in ServerFrame.
  return event.kind === 'batch' ? bareFrame(event.frame.plain) : encodeResponse(breakFrame(event, room));
}

function encodeResponse(response: PullResponseInput): Buffer {
  return liveService.Pull.responseSerialize(response);
}
