import type {
  ConnectionState,
  Cursor,
  GapEvent,
  JoinOptions,
  LiveClient,
  OutgoingMessage,
  PublishOptions,
  ResetEvent,
  RoomEvent,
  RoomSubscription,
} from '../../client/index.ts';
import { LiveError } from '../../client/index.ts';
import { historyEvent, placeOf } from '../../chaos/oracle/client-events.ts';
import type {
  History,
  Place,
  PublishedMessage,
  TimeSpan,
  ViewerEvent,
  ViewerHistory,
} from '../../chaos/oracle/history.ts';
import { seqOf } from '../../chaos/oracle/history.ts';
import { until } from './poll.ts';

/** How a viewer is recorded. */
export interface RecordOptions {
  /** Default: `viewer 1`, `viewer 2` … */
  readonly viewer?: string;
  readonly join?: JoinOptions;
  /** Whether a gap or reset is to be expected at this moment. Default: never. */
  readonly expected?: (event: GapEvent | ResetEvent) => boolean;
  /** What the application does with each event, after it is recorded. */
  readonly handle?: (event: RoomEvent) => void | Promise<void>;
}

/** Records a run for `assertGuarantees`: publish through it, follow rooms through it, then `finish`. */
export class RunRecorder {
  readonly #published: PublishedMessage[] = [];
  /** Acknowledged in the stream's present incarnation, whose epoch is not known yet. */
  readonly #unsealed: Omit<PublishedMessage, 'epoch'>[] = [];
  readonly #recordings: RoomRecording[] = [];
  #unknown = 0;

  /** Records a message that the stream acknowledged, however it was published. */
  acknowledged(room: string, seq: bigint, { id = '', atMs = Date.now() } = {}): void {
    this.#unsealed.push({ room, seq: seqOf(seq), id, atMs });
  }

  /** Publishes a reliable message. False: nobody knows whether it was stored. Other failures are thrown. */
  async publish(
    client: LiveClient,
    room: string,
    message: OutgoingMessage,
    options: PublishOptions = {},
  ): Promise<boolean> {
    const atMs = Date.now();
    try {
      const { seq } = await client.publish(room, message, options);
      this.acknowledged(room, seq, { atMs });
      return true;
    } catch (error) {
      if (!(error instanceof LiveError) || error.reason !== 'PUBLISH_OUTCOME_UNKNOWN') throw error;
      this.#unknown += 1;
      return false;
    }
  }

  /** Follows a room and records what the application gets until `stop`, `finish` or the end of the client. */
  follow(client: LiveClient, room: string, options: RecordOptions = {}): RoomRecording {
    const viewer = options.viewer ?? `viewer ${this.#recordings.length + 1}`;
    const recording = new RoomRecording(viewer, room, options);
    this.#recordings.push(recording);
    recording.follow(client);
    return recording;
  }

  /** To be called before the stream is re-created: what was acknowledged so far belongs to the epoch there is. */
  async sealEpoch(client: LiveClient): Promise<Map<string, Place>> {
    const heads = new Map<string, Place>();
    for (const room of new Set(this.#unsealed.map((message) => message.room))) {
      const { epoch, head } = await client.room(room);
      heads.set(room, { epoch, seq: seqOf(head) });
    }
    for (const message of this.#unsealed.splice(0)) {
      this.#published.push({ ...message, epoch: heads.get(message.room)?.epoch ?? '' });
    }
    return heads;
  }

  /**
   * Waits until every viewer that is still following has come to its room's head, ends them all and returns the history.
   * @throws if a viewer does not get there in time.
   */
  async finish(client: LiveClient): Promise<History> {
    const finalHeads = await this.sealEpoch(client);
    for (const recording of this.#recordings) {
      const head = finalHeads.get(recording.room);
      if (head === undefined || !recording.following) continue;
      const name = `${recording.viewer} has come to the head of ${recording.room}, ${head.seq}`;
      await until(name, () => recording.isAt(head));
    }
    await Promise.all(this.#recordings.map((recording) => recording.stop()));
    const viewers = this.#recordings.map((recording) => recording.history);
    return { published: this.#published, viewers, finalHeads };
  }

  /** Messages acknowledged, and of unknown outcome. */
  get counts(): { acknowledged: number; unknown: number } {
    return {
      acknowledged: this.#published.length + this.#unsealed.length,
      unknown: this.#unknown,
    };
  }
}

/** What one viewer gets in one room, over restarts of its process. */
export class RoomRecording {
  readonly viewer: string;
  readonly room: string;
  readonly events: ViewerEvent[] = [];
  readonly #disturbed: TimeSpan[] = [];
  readonly #options: RecordOptions;
  #place: Place | undefined;
  #caughtUp = false;
  #run: Run | undefined;

  constructor(viewer: string, room: string, options: RecordOptions) {
    this.viewer = viewer;
    this.room = room;
    this.#options = options;
  }

  get history(): ViewerHistory {
    return { viewer: this.viewer, events: this.events, disturbed: this.#disturbed };
  }

  /** Whether events may still come. */
  get following(): boolean {
    return this.#run !== undefined && !this.#run.over;
  }

  /** Reliable messages recorded so far. */
  get messages(): Extract<ViewerEvent, { kind: 'message' }>[] {
    return this.events.filter((event) => event.kind === 'message');
  }

  /** Whether the viewer has been told that it has everything, and stands at `place` or after it. */
  isAt({ epoch, seq }: Place): boolean {
    return this.#caughtUp && this.#place?.epoch === epoch && this.#place.seq >= seq;
  }

  /** Says that a fault touched this viewer in that time. */
  disturbedIn(span: TimeSpan): void {
    this.#disturbed.push(span);
  }

  /** Begins to follow the room on a client; for the first time, or after `restarted`. */
  follow(client: LiveClient): void {
    const run = new Run(client.join(this.room, this.#options.join));
    const onState = ({ kind: state }: ConnectionState): void => {
      this.events.push({ kind: 'state', atMs: Date.now(), state });
    };
    client.on('state', onState);
    run.start(
      async (event) => {
        this.#record(event);
        await this.#options.handle?.(event);
      },
      () => client.off('state', onState),
    );
    this.#run = run;
  }

  /**
   * Says that the viewer's process ended, after its client was closed or abandoned, and that a new one goes on from
   * `cursor`. Then `follow` with the new client.
   */
  async restarted(how: 'clean' | 'killed', cursor: Cursor | undefined): Promise<void> {
    await this.#run?.leave();
    this.#run = undefined;
    this.#caughtUp = false;
    const place = cursor && placeOf(cursor);
    this.events.push({ kind: 'restart', room: this.room, atMs: Date.now(), how, cursor: place });
  }

  /** Leaves the room with everything handled that was given out. Throws what the iteration had thrown. */
  async stop(): Promise<void> {
    const cursor = await this.#run?.leave();
    if (this.#run === undefined) return;
    this.#run = undefined;
    this.events.push({ kind: 'end', room: this.room, atMs: Date.now(), cursor: cursor && placeOf(cursor) });
  }

  #record(event: RoomEvent): void {
    const turn = event.kind === 'gap' || event.kind === 'reset';
    const expected = turn && (this.#options.expected?.(event) ?? false);
    const recorded = historyEvent(event, Date.now(), expected);
    if (recorded !== undefined) this.events.push(recorded);
    if ('cursor' in event) this.#place = placeOf(event.cursor);
    if (event.kind === 'joined') this.#caughtUp = false;
    if (event.kind === 'caught-up') this.#caughtUp = true;
  }
}

/** One process's iteration over a room. */
class Run {
  readonly #subscription: RoomSubscription;
  #done: Promise<void> = Promise.resolve();
  #state: { name: 'going' } | { name: 'over' } | { name: 'failed'; error: unknown } = { name: 'going' };

  constructor(subscription: RoomSubscription) {
    this.#subscription = subscription;
  }

  get over(): boolean {
    return this.#state.name !== 'going';
  }

  start(handle: (event: RoomEvent) => Promise<void>, atEnd: () => void): void {
    const iterate = async (): Promise<void> => {
      for await (const event of this.#subscription) await handle(event);
    };
    this.#done = iterate()
      .then(
        () => (this.#state = { name: 'over' }),
        (error: unknown) => (this.#state = { name: 'failed', error }),
      )
      .then(atEnd);
  }

  /** Ends the iteration; returns the cursor up to which everything was handled. */
  async leave(): Promise<Cursor | undefined> {
    this.#subscription.leave();
    await this.#done;
    if (this.#state.name === 'failed') throw this.#state.error;
    return this.#subscription.cursor;
  }
}
