import type { Continuity } from './continuity.ts';
import type { History } from './history.ts';
import type { Position } from './position.ts';
import type { Timeline } from './timeline.ts';
import type { StreamStart } from './upstream.ts';
import { outcomeOf } from './viewer.ts';
import type { Viewer } from './viewer.ts';

/** What admission needs of the room beside its history. */
export interface AdmissionContext {
  readonly timeline: Timeline;
  readonly history: History;
  /** See {@link Upstream.locate}, of this room. */
  readonly locate: (start: StreamStart) => Promise<number>;
}

/** Decides where viewers begin: at a start that is looked up, or at a cursor that is judged. */
export class Admission {
  readonly #timeline: Timeline;
  readonly #history: History;
  readonly #ask: (start: StreamStart) => Promise<number>;
  /** Lookups under way: many viewers asking for the same start ask the stream once. */
  readonly #lookups = new Map<string, Promise<number>>();

  constructor({ timeline, history, locate }: AdmissionContext) {
    this.#timeline = timeline;
    this.#history = history;
    this.#ask = locate;
  }

  /**
   * The position before the first message that `start` asks for, in the era of the call: should that have ended
   * meanwhile, the viewer is told so as if it had begun before.
   * @throws when the stream must be asked and cannot be
   */
  async locate(start: StreamStart): Promise<Position> {
    const { log, era } = this.#timeline;
    const inMemory = start.kind === 'last' ? log.seqFromEnd(start.count) : undefined;
    const seq = inMemory === undefined ? await this.#lookUp(start) : inMemory - 1;
    return { epoch: era.epoch, seq, check: 0 };
  }

  /**
   * Judges the cursor that a viewer brought and begins there, or says what must come first: a page of history, or an
   * answer of the leader, after which the viewer is woken.
   */
  settle(
    viewer: Viewer,
    brought: Position,
    against: 'memory' | 'leader',
  ): 'settled' | 'needs-page' | 'asking' {
    const { number, epoch, formerly } = this.#timeline.era;
    viewer.era = number;
    const cursor = formerly.includes(brought.epoch) ? { ...brought, epoch } : brought;
    const inMemory = this.#judgeInMemory(cursor, against);
    if (inMemory === 'continuous' || (inMemory !== undefined && against === 'leader')) {
      this.#admit(viewer, cursor, inMemory, this.#timeline.provenTo + 1);
      return 'settled';
    }
    if (inMemory !== undefined) {
      this.#askLeader(viewer, cursor);
      return 'asking';
    }
    const page = this.#history.find((candidate) => candidate.canJudge(cursor));
    if (page === undefined) return 'needs-page';
    this.#admit(viewer, cursor, page.judge(cursor), page.nextAfter(cursor.seq));
    return 'settled';
  }

  /** The log is complete behind its base: it can judge every cursor but one that names what it has not seen. */
  #judgeInMemory(cursor: Position, against: 'memory' | 'leader'): Continuity | undefined {
    const { log, era, provenTo } = this.#timeline;
    if (cursor.epoch !== era.epoch) return this.#mayBeRenamed(cursor, against) ? undefined : 'recreated';
    if (cursor.seq > provenTo) return 'rewound';
    if (cursor.seq < log.base) return undefined;
    const found = log.checkAt(cursor.seq);
    if (cursor.check === 0 || cursor.check === found) return 'continuous';
    return found === undefined ? undefined : 'rewound';
  }

  /** Another epoch that the leader has confirmed may still be a new name for the same history: its message tells. */
  #mayBeRenamed({ seq, check }: Position, against: 'memory' | 'leader'): boolean {
    return against === 'leader' && check !== 0 && seq <= this.#timeline.provenTo;
  }

  #admit(viewer: Viewer, cursor: Position, verdict: Continuity, next: number): void {
    const { epoch } = this.#timeline.era;
    const outcome = outcomeOf(verdict);
    const { head, provenTo } = this.#timeline;
    const after = { epoch, seq: Math.min(cursor.seq, provenTo), check: 0 };
    switch (verdict) {
      case 'continuous':
        return viewer.begin({ ...cursor, epoch }, head, outcome);
      case 'evicted':
        viewer.begin(cursor, head, outcome);
        return viewer.skip(next);
      case 'rewound':
        viewer.begin(after, head, outcome);
        return viewer.reset('REWOUND', after);
      case 'recreated':
        viewer.begin({ epoch, seq: 0, check: 0 }, head, outcome);
        return viewer.reset('RECREATED', { epoch, seq: 0, check: 0 });
    }
  }

  /** The cursor contradicts what this gateway knows; the gateway may be the one that is behind. */
  #askLeader(viewer: Viewer, cursor: Position): void {
    viewer.stage = { kind: 'locating' };
    void this.#timeline.reach(cursor).then(() => {
      viewer.stage = { kind: 'claimed', cursor, against: 'leader' };
      viewer.waker.wake(viewer);
    });
  }

  #lookUp(start: StreamStart): Promise<number> {
    const key = JSON.stringify(start);
    const underWay = this.#lookups.get(key);
    if (underWay !== undefined) return underWay;
    const lookup = this.#ask(start).finally(() => this.#lookups.delete(key));
    this.#lookups.set(key, lookup);
    return lookup;
  }
}
