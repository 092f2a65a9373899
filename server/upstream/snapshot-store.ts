/** What is stored of a room. */
export interface StoredSnapshot {
  readonly text: string;
  /** Grows with each change; for {@link SnapshotStore.put}. */
  readonly revision: number;
}

/** Keeps a text for each room, the same for all gateways. What rejects with UpstreamError may be asked again. */
export interface SnapshotStore {
  /** What was stored last; undefined: nothing. */
  get(room: string): Promise<StoredSnapshot | undefined>;
  /**
   * Stores it unless somebody else has stored something since.
   * @param revision of what it replaces; 0: of nothing
   * @returns the new revision; undefined: somebody else was first
   */
  put(room: string, text: string, revision: number): Promise<number | undefined>;
}
