import type { Continuity } from '../log/continuity.ts';
import type { History } from './history.ts';
import type { Position } from '../log/position.ts';
import type { Timeline } from './timeline.ts';
import type { StreamStart } from '../upstream/upstream.ts';
import { outcomeOf } from './subscription.ts';
import type { Viewer } from './subscription.ts';

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
    return { epoch: era.epoch, seq, fingerprint: 0 };
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
      this.#admit(viewer, brought, inMemory, this.#timeline.provenTo + 1);
      return 'settled';
    }
    if (inMemory !== undefined) {
      this.#askLeader(viewer, brought);
      return 'asking';
    }
    const page = this.#history.find((candidate) => candidate.canJudge(cursor));
    if (page === undefined) return 'needs-page';
    this.#admit(viewer, brought, page.judge(cursor), page.nextAfter(cursor.seq));
    return 'settled';
  }

  /** The log is complete behind its base: it can judge every cursor but one that names what it has not seen. */
  #judgeInMemory(cursor: Position, against: 'memory' | 'leader'): Continuity | undefined {
    const { log, era, provenTo } = this.#timeline;
    if (cursor.epoch !== era.epoch) return this.#mayBeRenamed(cursor, against) ? undefined : 'recreated';
    if (cursor.seq > provenTo) return 'rewound';
    if (cursor.seq < log.base) return undefined;
    const found = log.fingerprintAt(cursor.seq);
    if (cursor.fingerprint === 0 || cursor.fingerprint === found) return 'continuous';
    return found === undefined ? undefined : 'rewound';
  }

  /** Another epoch that the leader has confirmed may still be a new name for the same history: its message tells. */
  #mayBeRenamed({ seq, fingerprint }: Position, against: 'memory' | 'leader'): boolean {
    return against === 'leader' && fingerprint !== 0 && seq <= this.#timeline.provenTo;
  }

  /** Until a break is told, the viewer stands where it was: one that loses the connection before is told when it comes again. */
  #admit(viewer: Viewer, brought: Position, verdict: Continuity, next: number): void {
    const { epoch } = this.#timeline.era;
    const { head, provenTo } = this.#timeline;
    const { seq } = brought;
    const here = { ...brought, epoch };
    viewer.begin(verdict === 'continuous' ? here : brought, head, outcomeOf(verdict));
    switch (verdict) {
      case 'continuous':
        return;
      case 'evicted':
        return viewer.skip(here, next);
      case 'rewound':
        return viewer.reset('REWOUND', { epoch, seq: Math.min(seq, provenTo), fingerprint: 0 });
      case 'recreated':
        return viewer.reset('RECREATED', { epoch, seq: 0, fingerprint: 0 });
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
