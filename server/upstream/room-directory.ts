/** A room as the stream's leader describes it. */
export interface RoomDescription {
  readonly epoch: string;
  /** Sequences of the newest and oldest reliable message held; 0 when none is. */
  readonly head: number;
  readonly first: number;
  /** Reliable messages held. */
  readonly count: number;
}

/** Facts about rooms that need not be open here. Every call rejects with UpstreamError while NATS cannot be asked. */
export interface RoomDirectory {
  describe(room: string): Promise<RoomDescription>;
}
