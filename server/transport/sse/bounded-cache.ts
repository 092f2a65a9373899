interface Kept<Value> {
  readonly value: Value;
  readonly bytes: number;
}

/** What was made lately, as much as a bound allows: the oldest is forgotten first. */
export class BoundedCache<Key, Value> {
  readonly #mostBytes: number;
  readonly #kept = new Map<Key, Kept<Value>>();
  #bytes = 0;

  /** @param mostBytes that everything kept may take */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get(key: Key): Value | undefined {
    return this.#kept.get(key)?.value;
  }

  /** @param bytes that key and value take */
  set(key: Key, value: Value, bytes: number): void {
    this.#forget(key);
    this.#kept.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#mostBytes) break;
      this.#forget(oldest);
    }
  }

  #forget(key: Key): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= kept.bytes;
  }
}
