import type { EventEmitter } from 'node:events';

/**
 * Tells the listeners of an emitter, in the order in which things happened: what happens because of what a listener does is told
 * after it, when all have heard of the first. A listener that throws keeps nobody else from hearing; its error is thrown again
 * where nobody is harmed by it, which makes it an `uncaughtException` of the process.
 */
export class Announcer<Events extends Record<keyof Events, unknown[]>> {
  readonly #emitter: EventEmitter<Events>;
  readonly #untold: (() => void)[] = [];
  #telling = false;

  constructor(emitter: EventEmitter<Events>) {
    this.#emitter = emitter;
  }

  tell<Name extends keyof Events & string>(name: Name, ...what: Events[Name]): void {
    this.#untold.push(() => this.#tellAll(name, what));
    if (this.#telling) return;
    this.#telling = true;
    for (let next = this.#untold.shift(); next !== undefined; next = this.#untold.shift()) next();
    this.#telling = false;
  }

  #tellAll(name: keyof Events & string, what: unknown[]): void {
    // Raw, so that those for once remove themselves.
    const listeners = (this.#emitter as EventEmitter).rawListeners(name);
    for (const listener of listeners) {
      try {
        Reflect.apply(listener, this.#emitter, what);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
