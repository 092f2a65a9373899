/** The items of every queue that is empty: replaced, never added to. */
const NONE: never[] = [];

/**
 * First in, first out. Thousands of viewers have some of these, mostly empty: an array that has held something
 * would keep memory for the next 17.
 */
export class Queue<T> {
  #items: T[] = NONE;

  get length(): number {
    return this.#items.length;
  }

  has(item: T): boolean {
    return this.#items.includes(item);
  }

  push(item: T): void {
    if (this.#items.length === 0) this.#items = [item];
    else this.#items.push(item);
  }

  /** Removes the oldest; undefined when there is none. */
  shift(): T | undefined {
    const item = this.#items.shift();
    if (this.#items.length === 0) this.#items = NONE;
    return item;
  }

  clear(): void {
    this.#items = NONE;
  }
}
