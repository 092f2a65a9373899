import { throwUncaught } from './logger.ts';

/** What is listened with. */
export type Listener<Args extends unknown[]> = (...args: Args) => void;

interface Registration {
  readonly listener: Listener<never>;
  readonly once: boolean;
}

/**
 * Tells listeners, in the order in which things happened: what happens because of what a listener does is told after it, when
 * all have heard of the first. A listener that throws keeps nobody else from hearing; its error is an uncaught one.
 */
export class Emitter<Events extends Record<keyof Events, unknown[]>> {
  readonly #registrations = new Map<keyof Events, readonly Registration[]>();
  readonly #untold: (() => void)[] = [];
  #telling = false;

  /** Calls `listener` whenever it happens; twice if it is given twice. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): this {
    return this.#register(name, { listener, once: false });
  }

  /** Calls `listener` when it happens for the first time from now on. */
  once<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): this {
    return this.#register(name, { listener, once: true });
  }

  /** Calls `listener` no more; if it was given twice, the one that was given last is taken back. */
  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): this {
    const registered = this.#registered(name);
    const last = registered.findLastIndex((registration) => registration.listener === listener);
    if (last !== -1) this.#registrations.set(name, registered.toSpliced(last, 1));
    return this;
  }

  /** It has happened: tells who listens, unless others are just being told of something else; then after that. */
  protected emit<Name extends keyof Events>(name: Name, ...what: Events[Name]): void {
    this.#untold.push(() => this.#tell(name, what));
    if (this.#telling) return;
    this.#telling = true;
    for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) next();
    this.#telling = false;
  }

  #tell<Name extends keyof Events>(name: Name, what: Events[Name]): void {
    for (const registration of this.#registered(name)) {
      if (registration.once) this.#remove(name, registration);
      try {
        (registration.listener as unknown as Listener<Events[Name]>).apply(this, what);
      } catch (error) {
        throwUncaught(error);
      }
    }
  }

  #registered(name: keyof Events): readonly Registration[] {
    return this.#registrations.get(name) ?? [];
  }

  #register(name: keyof Events, registration: Registration): this {
    // Never changed in place: who is being told of something goes on with those who listened when it began.
    this.#registrations.set(name, [...this.#registered(name), registration]);
    return this;
  }

  #remove(name: keyof Events, registration: Registration): void {
    const others = this.#registered(name).filter((other) => other !== registration);
    this.#registrations.set(name, others);
  }
}
