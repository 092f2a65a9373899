import type { BackoffLimits } from '../../common/backoff.ts';
import { backoffCeiling } from '../../common/backoff.ts';
import { sleep } from '../../common/sleep.ts';
import type { StoredMessage } from '../log/message.ts';
import { isCommand } from './command.ts';
import { fold, reconstruct } from './reconstruct.ts';
import type { LogEnd, Reconstruction, StateSources } from './reconstruct.ts';
import type { Snapshot } from './snapshot.ts';
import type { StateView } from './state-view.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import type { SnapshotWriterDependencies } from './snapshot-writer.ts';

/** Waits between attempts, in milliseconds. */
const RETRY: BackoffLimits = { baseMs: 100, maxMs: 5_000 };

const NO_PAYLOAD = Buffer.alloc(0);

/** What a state is followed by. */
export interface StateFollowerDependencies
  extends StateSources, Omit<SnapshotWriterDependencies, 'current' | 'room' | 'snapshots'> {
  /** Where the room's log ends now. */
  readonly end: () => LogEnd;
  /** The state is another one, is known now, or cannot be known for a while. */
  readonly changed: () => void;
}

/**
 * - `loading`: it is being made from what is stored; what comes meanwhile is kept;
 * - `known`: it is what the messages up to the snapshot's position have made of it.
 */
type Mode =
  | { readonly kind: 'idle' }
  | { readonly kind: 'loading'; readonly pending: StoredMessage[]; failed: boolean }
  | { readonly kind: 'known' }
  | { readonly kind: 'closed' };

/**
 * Knows what the commands among a room's messages have made of it: from the snapshot that some gateway has stored, the messages behind that, and those that
 * come. The same messages make the same state at every gateway.
 *
 * Invariant: while it is `known`, every message of the log at or below the snapshot's position is in it, and none behind.
 */
export class StateFollower {
  readonly #dependencies: StateFollowerDependencies;
  readonly #writer: SnapshotWriter;
  readonly #closing = new AbortController();
  #mode: Mode = { kind: 'idle' };
  #snapshot: Snapshot | undefined;
  #view: StateView | undefined;
  #changedAt = 0;
  /** Called when it is known, or said that it cannot be. */
  readonly #waiters: (() => void)[] = [];

  constructor(dependencies: StateFollowerDependencies) {
    this.#dependencies = dependencies;
    this.#writer = new SnapshotWriter({ ...dependencies, current: () => this.#snapshot });
  }

  /** What is known, the same object as long as nothing changes; undefined: nothing yet. */
  get view(): StateView | undefined {
    return this.#view;
  }

  /** Sequence of the message that has changed it last: who has had that is to be told. */
  get changedAt(): number {
    return this.#changedAt;
  }

  /** Whether it is worth waiting for: it will be known soon, or it will be said that it cannot be. */
  get awaited(): boolean {
    if (this.#view !== undefined) return false;
    return this.#mode.kind === 'idle' || (this.#mode.kind === 'loading' && !this.#mode.failed);
  }

  /** Resolves when it is known, or cannot be for now. */
  settled(): Promise<void> {
    return this.awaited ? new Promise((resolve) => this.#waiters.push(resolve)) : Promise.resolve();
  }

  /** The log begins, or goes on where it had not been: what the state is made from has to be looked at again. */
  begin(): void {
    if (this.#mode.kind !== 'closed') void this.#load();
  }

  /** The log has another message behind all that it had. */
  appended(message: StoredMessage): void {
    if (this.#mode.kind === 'loading') keep(this.#mode.pending, message);
    else if (this.#mode.kind === 'known') this.#follow(message);
  }

  close(): void {
    this.#mode = { kind: 'closed' };
    this.#writer.close();
    this.#closing.abort('closed');
    this.#release();
  }

  async #load(): Promise<void> {
    const mode: Mode & { kind: 'loading' } = { kind: 'loading', pending: [], failed: false };
    this.#mode = mode;
    const { end, clock } = this.#dependencies;
    for (let failures = 0; this.#mode === mode; failures++) {
      const made = await reconstruct(this.#dependencies, end(), failures).catch(() => undefined);
      if (this.#mode !== mode) return;
      if (made !== undefined) {
        this.#loaded(made, mode.pending);
        return;
      }
      if (!mode.failed) {
        mode.failed = true;
        this.#changed();
      }
      await sleep(clock, backoffCeiling(failures, RETRY), this.#closing.signal);
    }
  }

  #loaded({ snapshot, revision, read }: Reconstruction, pending: readonly StoredMessage[]): void {
    this.#mode = { kind: 'known' };
    this.#snapshot = snapshot;
    this.#changedAt = 0;
    this.#writer.loaded(revision, read);
    this.#view = viewOf(snapshot);
    for (const message of pending) this.#follow(message);
    this.#changed();
  }

  #follow(message: StoredMessage): void {
    const before = this.#snapshot;
    if (before === undefined) return;
    const after = fold(before, message);
    if (after === before) return;
    this.#snapshot = after;
    const changed = after.state !== before.state;
    this.#writer.grown(changed);
    if (!changed) return;
    this.#changedAt = message.seq;
    this.#view = viewOf(after);
    this.#changed();
  }

  #changed(): void {
    this.#release();
    this.#dependencies.changed();
  }

  #release(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}

const viewOf = ({ position, state, uncertain }: Snapshot): StateView => ({
  seq: position.seq,
  state,
  uncertain,
});

/** Of messages that are no commands the last is enough: it says how far the room has come. */
function keep(pending: StoredMessage[], message: StoredMessage): void {
  const { content } = message;
  const command = isCommand(content.type);
  const last = pending.at(-1);
  if (!command && last !== undefined && !isCommand(last.content.type)) pending.pop();
  // It may be a view of what is about to be overwritten.
  const payload = command ? Buffer.from(content.payload) : NO_PAYLOAD;
  pending.push({ ...message, content: { ...content, payload } });
}
