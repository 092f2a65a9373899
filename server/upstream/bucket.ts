/** What a key-value bucket holds under a key. */
export interface BucketEntry {
  readonly key: string;
  /** Grows with each change of the bucket. */
  readonly revision: number;
  /** Undefined: the key was deleted. */
  readonly value: string | undefined;
}

/** Who is told what a bucket holds, as its leader names it. */
export interface BucketReader {
  /** All that it holds: what is not named is not in it. */
  replaced(entries: readonly BucketEntry[]): void;
  /** What has changed since, the oldest first. */
  changed(entries: readonly BucketEntry[]): void;
}

/** A bucket that is written to. Whoever reads it is told before a promise resolves. */
export interface BucketWriter {
  /**
   * Resolves when it is stored.
   * @throws BucketError
   */
  put(key: string, value: string): Promise<void>;
  /**
   * Resolves when it is stored that there is nothing.
   * @throws BucketError
   */
  remove(key: string): Promise<void>;
}

/**
 * Why a bucket was not written to.
 * - `unavailable`: NATS does not say that it is stored, but may do so later; to repeat it does no harm;
 * - `forbidden`: somebody has to do something about it, as the message says.
 */
export class BucketError extends Error {
  override readonly name = 'BucketError';
  readonly kind: 'unavailable' | 'forbidden';

  constructor(kind: BucketError['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
