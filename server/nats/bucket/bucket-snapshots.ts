import { headers } from 'nats';
import type { SnapshotStore, StoredSnapshot } from '../../upstream/snapshot-store.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import type { JetStreamApi } from '../connection/jetstream-api.ts';
import { JetStreamError } from '../connection/jetstream-api.ts';
import { MessageLookup } from '../stream/message-lookup.ts';
import type { BucketNames } from './bucket-names.ts';
import { isMissing } from './bucket-state.ts';
import type { BucketWrites } from './bucket-writes.ts';

const WRONG_LAST_SEQUENCE = 10071;

/** What snapshots in a bucket depend on. */
export interface BucketSnapshotsDependencies {
  readonly api: JetStreamApi;
  readonly names: BucketNames;
  readonly writes: Pick<BucketWrites, 'create' | 'store'>;
}

/** A snapshot for each room, under its name, in a key-value bucket; its leader is asked for it. */
export class BucketSnapshots implements SnapshotStore {
  readonly #names: BucketNames;
  readonly #writes: BucketSnapshotsDependencies['writes'];
  readonly #messages: MessageLookup;

  constructor({ api, names, writes }: BucketSnapshotsDependencies) {
    this.#names = names;
    this.#writes = writes;
    this.#messages = new MessageLookup(api, names.stream, (ask) => ask());
  }

  /** See {@link SnapshotStore}. Where the bucket is missing there is none. */
  async get(room: string): Promise<StoredSnapshot | undefined> {
    try {
      const held = await this.#messages.get({ last_by_subj: this.#names.subject(room) });
      if (held === undefined) return undefined;
      return { text: Buffer.from(held.data ?? '', 'base64').toString(), revision: held.seq };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw unavailable(error);
    }
  }

  /** See {@link SnapshotStore}. */
  async put(room: string, text: string, revision: number): Promise<number | undefined> {
    const expected = headers();
    expected.set('Nats-Expected-Last-Subject-Sequence', String(revision));
    try {
      return await this.#writes.store(room, text, { headers: expected });
    } catch (error) {
      if (error instanceof JetStreamError && error.code === WRONG_LAST_SEQUENCE) return undefined;
      // Whoever removed it has made no other: the next attempt finds this one.
      await this.#writes.create().catch(() => undefined);
      throw unavailable(error);
    }
  }
}

const unavailable = (cause: unknown): UpstreamError =>
  new UpstreamError(`the state of the room cannot be had: ${(cause as Error).message}`, { cause });
