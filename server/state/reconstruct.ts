import { judge } from '../log/continuity.ts';
import type { HistoryRead } from '../log/evidence.ts';
import type { LastMessage, StoredMessage } from '../log/message.ts';
import type { Position } from '../log/position.ts';
import type { SnapshotStore } from '../upstream/snapshot-store.ts';
import { CommandError } from './command-error.ts';
import { isCommand, parseCommand } from './command.ts';
import type { RoomState } from './room-state.ts';
import { applyCommand, INITIAL_STATE } from './room-state.ts';
import type { Snapshot } from './snapshot.ts';
import { parseSnapshot } from './snapshot.ts';

/** What a state is made from. */
export interface StateSources {
  readonly room: string;
  readonly snapshots: SnapshotStore;
  /** Reads a page of the room's messages from a sequence on. Rejects when that cannot be now. */
  readonly read: (from: number) => Promise<HistoryRead>;
}

/** Up to where a state is to be made. */
export interface LogEnd {
  readonly epoch: string;
  /** The room's newest message; `seq` 0: none is known. */
  readonly last: LastMessage;
  /** All messages at or below this sequence are to be in it. */
  readonly watermark: number;
  /** The room is known to have no message. */
  readonly empty: boolean;
}

/** A state as it was made. */
export interface Reconstruction {
  readonly snapshot: Snapshot;
  /** Of the snapshot that it was made from; 0: there was none. */
  readonly revision: number;
  /** Messages that were read. */
  readonly read: number;
}

/** A snapshot that is ahead of the stream is believed so often: the gateway that has stored it may have heard of a message before. */
const AHEAD_ATTEMPTS = 5;

/**
 * Makes the state of a room from the snapshot that was stored last and the messages behind it, or from all that the stream holds.
 * @param failures how often that has failed in a row
 * @throws when what it is made from cannot be read now
 */
export async function reconstruct(
  sources: StateSources,
  end: LogEnd,
  failures: number,
): Promise<Reconstruction> {
  const stored = await sources.snapshots.get(sources.room);
  const revision = stored?.revision ?? 0;
  const base = stored === undefined ? undefined : parseSnapshot(stored.text);
  const { snapshot, read } = await readOn(
    sources,
    end,
    believed(base, end, failures) ?? beginningOf(end.epoch),
  );
  return { snapshot, revision, read };
}

/** What was stored, if the stream goes so far that it can be looked whether it is true. */
function believed(base: Snapshot | undefined, end: LogEnd, failures: number): Snapshot | undefined {
  if (base === undefined || base.position.seq <= end.watermark) return base;
  if (base.position.epoch === end.epoch && failures < AHEAD_ATTEMPTS)
    throw new Error('the snapshot is ahead of what is known of the stream');
  return undefined;
}

/** What the messages behind a snapshot have made of it; or all that are held, where the history is another one. */
async function readOn(
  { read }: StateSources,
  end: LogEnd,
  base: Snapshot,
): Promise<Omit<Reconstruction, 'revision'>> {
  if (isOf(base.position, end)) return { snapshot: base, read: 0 };
  let snapshot = base;
  for (let messages = 0; ;) {
    if (snapshot.position.seq === 0 && end.empty) return { snapshot, read: messages };
    const page = await read(Math.max(1, snapshot.position.seq));
    if (page.epoch !== end.epoch) throw new Error('the stream is another one than the room follows');
    messages += page.messages.length;
    const holds = worth(snapshot, page);
    snapshot =
      holds === 'nothing'
        ? // What had gone before that is not known in this history.
          { ...beginningOf(end.epoch), uncertain: page.firstSeq > 1 }
        : foldPage({ ...snapshot, uncertain: holds === 'uncertain' }, page);
    if (holds !== 'nothing' && page.upto >= end.watermark) return { snapshot, read: messages };
  }
}

const beginningOf = (epoch: string): Snapshot => ({
  position: { epoch, seq: 0, fingerprint: 0 },
  state: INITIAL_STATE,
  uncertain: false,
});

/** Whether the position names the message that the room ends with. */
const isOf = ({ epoch, seq, fingerprint }: Position, { last, ...end }: LogEnd): boolean =>
  epoch === end.epoch && seq === last.seq && fingerprint !== 0 && fingerprint === last.fingerprint;

/** What a snapshot is worth in the history as a page shows it that was read from its position on. */
function worth({ position, uncertain }: Snapshot, page: HistoryRead): 'all' | 'uncertain' | 'nothing' {
  if (position.seq === 0) return uncertain ? 'uncertain' : 'all';
  const [first] = page.messages;
  const continuity = judge(position, {
    epoch: page.epoch,
    found: first?.seq === position.seq ? first.fingerprint : undefined,
    firstSeq: page.firstSeq,
    heldElsewhere: page.fromHeldElsewhere,
    predated: page.predated,
  });
  if (continuity === 'rewound' || continuity === 'recreated') return 'nothing';
  return continuity === 'evicted' || uncertain ? 'uncertain' : 'all';
}

/**
 * Names the last message that was folded, so that another history is recognised. Where that is no message of the room any more: how far was read; and where there
 * was none, that there was none.
 */
function foldPage(snapshot: Snapshot, { epoch, messages, upto }: HistoryRead): Snapshot {
  const folded = messages.reduce(fold, snapshot);
  const { seq, fingerprint } = folded.position;
  const named = fingerprint !== 0 && messages.at(-1)?.seq === seq;
  if (named || seq === 0) return { ...folded, position: { epoch, seq, fingerprint } };
  return { ...folded, position: { epoch, seq: Math.max(seq, upto), fingerprint: 0 } };
}

/** The state behind the next message of the room. One that it knows already changes nothing. */
export function fold(snapshot: Snapshot, message: StoredMessage): Snapshot {
  const { seq, fingerprint } = message;
  const { position, state } = snapshot;
  if (seq <= position.seq) return snapshot;
  return {
    ...snapshot,
    position: { epoch: position.epoch, seq, fingerprint },
    state: isCommand(message.content.type) ? applied(state, message) : state,
  };
}

/** A command with a payload that is none changes nothing: publishers by a gateway are told so, and NATS takes it. */
function applied(state: RoomState, message: StoredMessage): RoomState {
  const { content, timeMs } = message;
  try {
    const command = parseCommand(content.type, content.payload, timeMs);
    return command === undefined ? state : applyCommand(state, command, message);
  } catch (error) {
    if (error instanceof CommandError) return state;
    throw error;
  }
}
