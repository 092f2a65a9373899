/** A way to get nats-server onto this machine: writes the executable to `target`, atomically, or throws why not. */
export interface BinarySource {
  /** File name of the executable in the cache. */
  readonly cacheName: string;
  /** In words: "release 2.12.7 from github.com". */
  readonly description: string;
  readonly fetch: (this: void, target: string, signal: AbortSignal) => Promise<void>;
}
