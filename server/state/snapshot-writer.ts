import type { BackoffLimits } from '../../common/backoff.ts';
import { backoffDelay } from '../../common/backoff.ts';
import type { Clock, Timer } from '../../common/clock.ts';
import type { Random } from '../../common/random.ts';
import type { SnapshotStore } from '../upstream/snapshot-store.ts';
import type { Snapshot } from './snapshot.ts';
import { parseSnapshot, snapshotText } from './snapshot.ts';

/** After a command a snapshot is stored within so many milliseconds: of many gateways one is first, and the others find that there is one. */
const COMMAND_WITHIN_MS = 500;
/** And when whoever opens the room would otherwise have to read so many messages, or up to twice as many. */
const MESSAGES = 1_000;
/** How often it is tried, while others store theirs at the same time. */
const ATTEMPTS = 5;
/** Between attempts that fail, in milliseconds. */
const RETRY: BackoffLimits = { baseMs: 1_000, maxMs: 60_000 };

/** What stores snapshots depends on. */
export interface SnapshotWriterDependencies {
  readonly room: string;
  readonly snapshots: SnapshotStore;
  readonly clock: Clock;
  readonly random: Random;
  /** What is known now. */
  readonly current: () => Snapshot | undefined;
}

/** Has snapshots stored from time to time, so that nobody has to read all messages of a room to know its state. */
export class SnapshotWriter {
  readonly #dependencies: SnapshotWriterDependencies;
  readonly #dueAfter: number;
  /** Of what was stored last, as far as that is known. */
  #revision = 0;
  /** Messages since then. */
  #messages = 0;
  #timer: Timer | undefined;
  #storing = false;
  #failures = 0;
  #closed = false;

  constructor(dependencies: SnapshotWriterDependencies) {
    this.#dependencies = dependencies;
    this.#dueAfter = MESSAGES * (1 + dependencies.random());
  }

  /** The state was made from what was stored under a revision, and so many messages behind it. */
  loaded(revision: number, messages: number): void {
    this.#revision = revision;
    this.#messages = messages;
    if (messages > this.#dueAfter) this.#schedule(0);
  }

  /** There is another message; `command`: one that has changed the state. */
  grown(command: boolean): void {
    this.#messages++;
    if (command || this.#messages > this.#dueAfter)
      this.#schedule(this.#dependencies.random() * COMMAND_WITHIN_MS);
  }

  /** What was due is not stored any more by this one: whoever opens the room next reads it. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #schedule(ms: number): void {
    if (this.#closed || this.#storing || this.#timer !== undefined) return;
    this.#timer = this.#dependencies.clock.after(ms, () => {
      this.#timer = undefined;
      void this.#store();
    });
  }

  async #store(): Promise<void> {
    const { current, random } = this.#dependencies;
    const snapshot = current();
    if (snapshot === undefined) return;
    this.#storing = true;
    this.#messages = 0;
    let failed = false;
    try {
      await this.#replace(snapshot);
      this.#failures = 0;
    } catch {
      failed = true;
    }
    this.#storing = false;
    if (failed) this.#schedule(RETRY.baseMs + backoffDelay(this.#failures++, RETRY, random));
    else if (current()?.state !== snapshot.state) this.#schedule(random() * COMMAND_WITHIN_MS);
  }

  /** Stores it unless there is one already that goes as far. */
  async #replace(snapshot: Snapshot): Promise<void> {
    const { snapshots, room } = this.#dependencies;
    for (let attempt = 0; attempt < ATTEMPTS && !this.#closed; attempt++) {
      const revision = await snapshots.put(room, snapshotText(snapshot), this.#revision);
      if (revision !== undefined) {
        this.#revision = revision;
        return;
      }
      const stored = await snapshots.get(room);
      this.#revision = stored?.revision ?? 0;
      const other = stored && parseSnapshot(stored.text);
      const { epoch, seq } = snapshot.position;
      if (other?.position.epoch === epoch && other.position.seq >= seq) return;
    }
  }
}
