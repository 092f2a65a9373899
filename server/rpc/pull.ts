import type { ServerWritableStream } from '@grpc/grpc-js';
import type { PullRequest } from '../../protos/gen/live/v1/PullRequest.ts';
import type { PullResponseInput } from '../../protos/gen/live/v1/PullResponse.ts';
import { liveService } from '../../protos/live.ts';
import type { Emission } from '../core/emission.ts';
import { bareFrame } from '../core/frame-prefix.ts';
import type { JoinFrom, Room } from '../core/room.ts';
import { Viewer } from '../core/viewer.ts';
import { Bell } from './bell.ts';
import { refuse } from './failure.ts';
import { breakFrame } from './frames.ts';
import { joinFrom, parseSeq, requireRoomName } from './requests.ts';
import { describeHeld } from './unary.ts';
import type { UnaryContext } from './unary.ts';

/** A call of Pull; responses are written encoded. */
export type PullCall = ServerWritableStream<PullRequest, Buffer>;

/** `Pull`: a range of reliable messages, by the same emitter as a viewer's stream but without the live part. */
export async function pull(context: UnaryContext, call: PullCall): Promise<void> {
  const gone = new AbortController();
  call.on('cancelled', () => gone.abort());
  call.on('close', () => gone.abort());
  try {
    const name = requireRoomName(call.request.room);
    await describeHeld(context, name);
    const room = await context.hub.acquire(name);
    try {
      await replay(room, call, gone.signal);
      call.end();
    } finally {
      context.hub.release(room);
    }
  } catch (error) {
    const failure = refuse(context.logger, error, { method: call.getPath() }, 'a call was refused');
    call.emit('error', failure.toStatus());
  }
}

async function replay(room: Room, call: PullCall, signal: AbortSignal): Promise<void> {
  const { request } = call;
  const bell = new Bell(signal);
  const viewer = new Viewer({ wake: () => bell.ring() });
  const write = (response: Buffer): Promise<void> => bell.until((done) => call.write(response, done));
  try {
    const from = pullFrom(request, room.timeline.era.epoch);
    await room.join(viewer, from);
    const limit = request.limit === 0 ? Infinity : request.limit;
    while (!signal.aborted && viewer.handed < limit) {
      const emission = room.next(viewer, limit - viewer.handed);
      if (emission === undefined) await bell.heard();
      else if (emission.kind === 'caught-up') break;
      else if (emission.kind !== 'joined') await write(encode(emission, room.name));
    }
    await write(encodeResponse({ end: { cursor: viewer.position, head: room.timeline.head } }));
  } finally {
    room.leave(viewer);
  }
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
