import type { ServerWritableStream } from '@grpc/grpc-js';
import type { PullRequest } from '../../protos/gen/live/v1/PullRequest.ts';
import type { PullResponseInput } from '../../protos/gen/live/v1/PullResponse.ts';
import type { Clock } from '../../common/clock.ts';
import { liveService } from '../../protos/live.ts';
import type { Emission } from '../room/event.ts';
import { bareFrame } from '../log/frame-prefix.ts';
import type { Position } from '../log/position.ts';
import type { JoinFrom, Room } from '../room/room.ts';
import { Viewer } from '../room/subscription.ts';
import { Bell } from './bell.ts';
import { Failure, refuse } from './failure.ts';
import { breakFrame } from './frames.ts';
import { OUT_OF_PATIENCE, Patience } from './pull-patience.ts';
import { joinFrom, parseSeq, requireRoomName } from './requests.ts';
import { frameLimit } from '../log/sizes.ts';
import { describeHeld } from './unary.ts';
import type { UnaryContext } from './unary.ts';

/** A call of Pull; responses are written encoded. */
export type PullCall = ServerWritableStream<PullRequest, Buffer>;

/** `Pull`: a range of reliable messages, by the same emitter as a viewer's stream but without the live part. */
export async function pull(context: UnaryContext, call: PullCall): Promise<void> {
  const gone = new AbortController();
  call.on('cancelled', () => gone.abort());
  call.on('close', () => gone.abort());
  const patience = new Patience(context.clock, context.life, () => {
    // Who does not read what there is needs no sign.
    if (call.writableLength === 0) call.write(encodeResponse({ batch: { room: call.request.room } }));
  });
  try {
    const name = requireRoomName(call.request.room);
    requireStart(call.request);
    const described = await describeHeld(context, name);
    const room = await context.hub.acquire(name);
    try {
      const { epoch, head } = described;
      await replay(room, { epoch, seq: head, fingerprint: 0 }, call, context.clock, patience, gone.signal);
      call.end();
    } finally {
      context.hub.release(room);
    }
  } catch (error) {
    const failure = refuse(context.logger, error, { method: call.getPath() }, 'a call was refused');
    call.emit('error', failure.toStatus());
  } finally {
    patience.stop();
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
  patience: Patience,
  signal: AbortSignal,
): Promise<void> {
  const { request } = call;
  const { timeline } = room;
  const bell = new Bell(signal);
  const viewer = new Viewer({ wake: () => bell.ring() }, frameLimit(request.maxFrameBytes));
  const write = async (response: Buffer): Promise<void> => {
    await bell.until((done) => call.write(response, done));
    patience.said();
  };
  const wait = async (): Promise<void> => {
    const timer = clock.after(patience.leftMs, () => bell.ring());
    await bell.heard();
    timer.cancel();
    if (patience.leftMs === 0) throw outOfPatience();
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
    `${OUT_OF_PATIENCE}: what is stored is not known now; pull again later, from where this has come to`,
  );
}

/** @throws Failure when the request does not say where to begin */
function requireStart({ from, cursor, start }: PullRequest): void {
  if (from !== 'afterSeq') joinFrom(cursor, start);
}

/** Where a pull begins. `epoch` is the stream's. */
function pullFrom({ from, afterSeq, cursor, start }: PullRequest, epoch: string): JoinFrom {
  switch (from) {
    case 'afterSeq':
      // A bare sequence is a cursor without proof of its message: what was evicted behind it is still told.
      return { kind: 'cursor', cursor: { epoch, seq: parseSeq(afterSeq ?? '0'), fingerprint: 0 } };
    default:
      return joinFrom(cursor, start);
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
