/** Who asks for a turn: one of a group, such as a stream of a connection. */
export interface Asker {
  readonly group: string;
}

/** Bounds of a {@link Turns}. */
export interface TurnsLimits {
  /** Turns taken at once. */
  readonly atOnce: number;
  /** How many may wait, of one group and in all. */
  readonly waitingOfGroup: number;
  readonly waiting: number;
}

/** So many wait already that another would wait for too long. */
export class TooManyWaiting extends Error {
  override readonly name = 'TooManyWaiting';
}

/** A place in the line. */
export interface Ticket {
  /** Gives it up; without effect once the turn has come. */
  cancel(): void;
}

interface Group {
  readonly members: Map<Asker, Set<() => Promise<unknown>>>;
  waiting: number;
}

/**
 * Lets so much work be done at once; the rest waits. Groups take turns, and so do the askers within each: who asks for thousands of things holds up
 * nobody but itself. Nothing is kept of who does not wait.
 */
export class Turns {
  readonly #limits: TurnsLimits;
  readonly #groups = new Map<string, Group>();
  #running = 0;
  #waiting = 0;

  constructor(limits: TurnsLimits) {
    this.#limits = limits;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Begins the work as soon as it is its turn, which is over when the work settles.
   * @throws TooManyWaiting
   */
  ask(asker: Asker, work: () => Promise<unknown>): Ticket {
    if (this.#running < this.#limits.atOnce) {
      this.#run(work);
      return { cancel: () => undefined };
    }
    const group: Group = this.#groups.get(asker.group) ?? { members: new Map(), waiting: 0 };
    if (group.waiting >= this.#limits.waitingOfGroup || this.#waiting >= this.#limits.waiting)
      throw new TooManyWaiting(`${group.waiting} wait already, and ${this.#waiting} in all`);
    const works = group.members.get(asker) ?? new Set();
    works.add(work);
    group.members.set(asker, works);
    this.#groups.set(asker.group, group);
    group.waiting++;
    this.#waiting++;
    return { cancel: () => this.#remove(asker, work) };
  }

  /**
   * Does the work when it is its turn, and gives its outcome.
   * @throws TooManyWaiting
   */
  run<T>(asker: Asker, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.ask(asker, () => work().then(resolve, reject));
    });
  }

  #run(work: () => Promise<unknown>): void {
    this.#running++;
    const done = (): void => {
      this.#running--;
      this.#next();
    };
    work().then(done, done);
  }

  #next(): void {
    for (const [name, group] of this.#groups) {
      for (const [asker, works] of group.members) {
        const [work] = works;
        if (work === undefined) continue;
        this.#remove(asker, work);
        // To the end of the line, both: others come first now.
        if (works.size > 0) {
          group.members.delete(asker);
          group.members.set(asker, works);
        }
        if (group.waiting > 0) {
          this.#groups.delete(name);
          this.#groups.set(name, group);
        }
        return this.#run(work);
      }
    }
  }

  #remove(asker: Asker, work: () => Promise<unknown>): void {
    const group = this.#groups.get(asker.group);
    const works = group?.members.get(asker);
    if (group === undefined || works?.delete(work) !== true) return;
    group.waiting--;
    this.#waiting--;
    if (works.size === 0) group.members.delete(asker);
    if (group.waiting === 0) this.#groups.delete(asker.group);
  }
}
