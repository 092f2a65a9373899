import type { ServerWritableStream } from '@grpc/grpc-js';
import type { PullRequest } from '../../protos/gen/live/v1/PullRequest.ts';
import type { PullResponseInput } from '../../protos/gen/live/v1/PullResponse.ts';
import type { Clock } from '../../common/clock.ts';
import { liveService } from '../../protos/live.ts';
import type { Emission } from '../core/emission.ts';
import { bareFrame } from '../core/frame-prefix.ts';
import type { Position } from '../core/position.ts';
import type { JoinFrom, Room } from '../core/room.ts';
import { Viewer } from '../core/viewer.ts';
import { Bell } from './bell.ts';
import { Failure, refuse } from './failure.ts';
import { breakFrame } from './frames.ts';
import { joinFrom, parseSeq, requireRoomName } from './requests.ts';
import { describeHeld } from './unary.ts';
import type { UnaryContext } from './unary.ts';

/**
 * How long a pull waits for more, in milliseconds. Less than the 10 s that our client waits for a part: what is known when
 * the time is up reaches it.
 */
const PATIENCE_MS = 8_000;

/** A call of Pull; responses are written encoded. */
export type PullCall = ServerWritableStream<PullRequest, Buffer>;

/** `Pull`: a range of reliable messages, by the same emitter as a viewer's stream but without the live part. */
export async function pull(context: UnaryContext, call: PullCall): Promise<void> {
  const gone = new AbortController();
  call.on('cancelled', () => gone.abort());
  call.on('close', () => gone.abort());
  try {
    const name = requireRoomName(call.request.room);
    const described = await describeHeld(context, name);
    const room = await context.hub.acquire(name);
    try {
      const { epoch, head } = described;
      await replay(room, { epoch, seq: head, check: 0 }, call, context.clock, gone.signal);
      call.end();
    } finally {
      context.hub.release(room);
    }
  } catch (error) {
    const failure = refuse(context.logger, error, { method: call.getPath() }, 'a call was refused');
    call.emit('error', failure.toStatus());
  }
}

/**
 * Writes the range, up to the head that the leader has named when the call came.
 * @throws Failure when nothing comes for too long: what has been written is all that can be known now
 */
async function replay(
  room: Room,
  head: Position,
  call: PullCall,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { request } = call;
  const { timeline } = room;
  const bell = new Bell(signal);
  const viewer = new Viewer({ wake: () => bell.ring() });
  let progressMs = clock.monotonicMs();
  const write = async (response: Buffer): Promise<void> => {
    await bell.until((done) => call.write(response, done));
    progressMs = clock.monotonicMs();
  };
  const wait = async (): Promise<void> => {
    const endMs = progressMs + PATIENCE_MS;
    const timer = clock.after(endMs - clock.monotonicMs(), () => bell.ring());
    await bell.heard();
    timer.cancel();
    if (clock.monotonicMs() >= endMs) throw outOfPatience();
  };
  try {
    // What the leader has named may be on its way to the room, or lost.
    let reached = timeline.provenTo >= head.seq;
    if (!reached) {
      void timeline.reach(head).then(() => {
        reached = true;
        bell.ring();
      });
    }
    while (!reached && !signal.aborted) await wait();
    await room.join(viewer, pullFrom(request, timeline.era.epoch));
    const limit = request.limit === 0 ? Infinity : request.limit;
    while (!signal.aborted && viewer.handed < limit) {
      const emission = room.next(viewer, limit - viewer.handed);
      if (emission === undefined) await wait();
      else if (emission.kind === 'caught-up') break;
      else if (emission.kind !== 'joined') await write(encode(emission, room.name));
    }
    await write(encodeResponse({ end: { cursor: viewer.position, head: timeline.head } }));
  } finally {
    room.leave(viewer);
  }
}

function outOfPatience(): Failure {
  return new Failure(
    'UPSTREAM_UNAVAILABLE',
    `nothing came from NATS for ${PATIENCE_MS} ms: what is stored is not known now; pull again later, from where this has come to`,
  );
}

/** Where a pull begins; at the oldest message when it does not say. `epoch` is the stream's. */
function pullFrom({ from, afterSeq, cursor, start }: PullRequest, epoch: string): JoinFrom {
  switch (from) {
    case 'afterSeq':
      // A bare sequence is a cursor without proof of its message: what was evicted behind it is still told.
      return { kind: 'cursor', cursor: { epoch, seq: parseSeq(afterSeq ?? '0'), check: 0 } };
    case 'cursor':
    case 'start':
      return joinFrom(cursor, start);
    default:
      return { kind: 'earliest' };
  }
}

function encode(emission: Exclude<Emission, { kind: 'joined' | 'caught-up' }>, room: string): Buffer {
  // The fields of PullResponse have the numbers that they have in ServerFrame.
  return emission.kind === 'batch'
    ? bareFrame(emission.frame.plain)
    : encodeResponse(breakFrame(emission, room));
}

function encodeResponse(response: PullResponseInput): Buffer {
  return liveService.Pull.responseSerialize(response);
}
