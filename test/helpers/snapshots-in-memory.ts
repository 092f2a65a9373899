import type { SnapshotStore, StoredSnapshot } from '../../server/upstream/snapshot-store.ts';
import { UpstreamError } from '../../server/upstream/upstream-error.ts';

/** A bucket of snapshots that gateways share, which can be away and can be lost. */
export class SnapshotsInMemory implements SnapshotStore {
  readonly #stored = new Map<string, StoredSnapshot>();
  #revision = 0;
  away = false;
  /** Answers that wait to be given; undefined: they come at once. */
  #waiting: (() => void)[] | undefined;
  /** Asked for what is stored. */
  gets = 0;
  /** Stored, or refused because others were first. */
  puts = 0;

  async get(room: string): Promise<StoredSnapshot | undefined> {
    this.gets++;
    const stored = this.#stored.get(room);
    await this.#answer();
    return stored;
  }

  async put(room: string, text: string, revision: number): Promise<number | undefined> {
    this.puts++;
    await this.#answer();
    if ((this.#stored.get(room)?.revision ?? 0) !== revision) return undefined;
    this.#stored.set(room, { text, revision: ++this.#revision });
    return this.#revision;
  }

  /** What is stored of a room. */
  textOf(room: string): string | undefined {
    return this.#stored.get(room)?.text;
  }

  lose(): void {
    this.#stored.clear();
  }

  /** From now on answers wait. */
  withholdAnswers(): void {
    this.#waiting ??= [];
  }

  /** Gives all answers that wait. */
  answerAll(): void {
    for (const answer of this.#waiting ?? []) answer();
    this.#waiting = undefined;
  }

  async #answer(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#waiting === undefined) resolve();
      else this.#waiting.push(resolve);
    });
    if (this.away) throw new UpstreamError('the bucket is away');
  }
}
