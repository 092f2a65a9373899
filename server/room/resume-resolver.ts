import { SingleFlight } from '../../common/single-flight.ts';
import type { Continuity } from '../log/continuity.ts';
import type { Position } from '../log/position.ts';
import type { VerifiedLog } from '../log/verified-log.ts';
import type { StreamStart } from '../upstream/upstream.ts';
import type { GapEvent, JoinOutcome, ResetEvent } from './event.ts';
import { gapAfter, resetTo } from './event.ts';
import type { History } from './history.ts';
import type { LocatedStart } from './start.ts';

/** What a cursor was judged by: what the room has in memory or, where that contradicts it, the stream's leader. */
export type Witness = 'memory' | 'leader';

/** What became of a cursor. */
export type Resolution =
  | {
      readonly kind: 'resolved';
      readonly outcome: JoinOutcome;
      /** Where Joined says that the viewer stands. */
      readonly cursor: Position;
      /** What the viewer is told next, if its history does not go on. */
      readonly change: GapEvent | ResetEvent | undefined;
    }
  /** A page of history that begins at the cursor must come first. */
  | { readonly kind: 'needs-page' }
  /** The cursor contradicts what this gateway knows; the gateway may be the one that is behind. */
  | { readonly kind: 'ask-leader' };

/** Decides where viewers begin: at a start that is looked up, or at a cursor that is judged. */
export class ResumeResolver {
  readonly #log: VerifiedLog;
  readonly #history: History;
  readonly #locate: (start: StreamStart) => Promise<number>;
  /** Many viewers asking for the same start ask the stream once. */
  readonly #lookups = new SingleFlight<number>();

  /** @param locate see {@link Upstream.locate}, of this room */
  constructor(log: VerifiedLog, history: History, locate: (start: StreamStart) => Promise<number>) {
    this.#log = log;
    this.#history = history;
    this.#locate = locate;
  }

  /**
   * The position before the first message that `start` asks for, in the incarnation of the call: should that have ended
   * meanwhile, the viewer is told so as if it had begun before.
   * @throws UpstreamError when the stream must be asked and cannot be
   */
  async locate(start: LocatedStart): Promise<Position> {
    const { epoch } = this.#log.incarnation;
    const starts = start.kind === 'latest' ? start.starts : [start];
    const seqs = await Promise.all(starts.map((each) => this.#before(each)));
    return { epoch, seq: Math.max(...seqs), fingerprint: 0 };
  }

  /** Judges the cursor that a viewer brought, or says what must come first. */
  resolve(brought: Position, witness: Witness): Resolution {
    const { epoch, formerly } = this.#log.incarnation;
    const cursor = formerly.includes(brought.epoch) ? { ...brought, epoch } : brought;
    const verdict = this.#judgeInMemory(cursor, witness);
    if (verdict === 'continuous' || (verdict !== undefined && witness === 'leader')) {
      return this.#resolved(brought, verdict, this.#log.watermark + 1);
    }
    if (verdict !== undefined) return { kind: 'ask-leader' };
    const page = this.#history.find((candidate) => candidate.canJudge(cursor));
    if (page === undefined) return { kind: 'needs-page' };
    return this.#resolved(brought, page.judge(cursor), page.nextAfter(cursor.seq));
  }

  /** The log is complete behind its base: it can judge every cursor but one that names what it has not seen. */
  #judgeInMemory(cursor: Position, witness: Witness): Continuity | undefined {
    const { messages, incarnation, watermark } = this.#log;
    if (cursor.epoch !== incarnation.epoch)
      return this.#mayBeRenamed(cursor, witness) ? undefined : 'recreated';
    if (cursor.seq > watermark) return 'rewound';
    if (cursor.seq < messages.base) return undefined;
    const found = messages.fingerprintAt(cursor.seq);
    if (cursor.fingerprint === 0 || cursor.fingerprint === found) return 'continuous';
    return found === undefined ? undefined : 'rewound';
  }

  /** Another epoch that the leader has confirmed may still be a new name for the same history: its message tells. */
  #mayBeRenamed({ seq, fingerprint }: Position, witness: Witness): boolean {
    return witness === 'leader' && fingerprint !== 0 && seq <= this.#log.watermark;
  }

  /** Until a break is told, the viewer stands where it was: one that loses the connection before is told when it comes again. */
  #resolved(brought: Position, verdict: Continuity, next: number): Resolution {
    const { incarnation, watermark } = this.#log;
    const { epoch } = incarnation;
    const here = { ...brought, epoch };
    switch (verdict) {
      case 'continuous':
        return { kind: 'resolved', outcome: 'RESUMED', cursor: here, change: undefined };
      case 'evicted':
        return { kind: 'resolved', outcome: 'GAP', cursor: brought, change: gapAfter(here, next) };
      case 'rewound': {
        const change = resetTo('REWOUND', epoch, Math.min(brought.seq, watermark));
        return { kind: 'resolved', outcome: 'RESET', cursor: brought, change };
      }
      case 'recreated':
        return {
          kind: 'resolved',
          outcome: 'RESET',
          cursor: brought,
          change: resetTo('RECREATED', epoch, 0),
        };
    }
  }

  /** The sequence before the first message that a start asks for. */
  async #before(start: StreamStart): Promise<number> {
    const inMemory = start.kind === 'last' ? this.#log.messages.seqFromEnd(start.count) : undefined;
    return inMemory === undefined ? this.#lookUp(start) : inMemory - 1;
  }

  #lookUp(start: StreamStart): Promise<number> {
    return this.#lookups.run(JSON.stringify(start), () => this.#locate(start));
  }
}
