/** The bucket of those who are excluded, beside the stream with this name. */
export const exclusionsBucket = (stream: string): string => `${stream}_access`;

/** The bucket of what rooms are like, beside the stream with this name. */
export const roomsBucket = (stream: string): string => `${stream}_rooms`;

/**
 * Names of a key-value bucket, as every client of NATS makes them
 * (https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-8.md).
 */
export class BucketNames {
  readonly bucket: string;

  constructor(bucket: string) {
    this.bucket = bucket;
  }

  /** The stream that it is. */
  get stream(): string {
    return `KV_${this.bucket}`;
  }

  /** All that it stores. */
  get subjects(): string {
    return this.subject('>');
  }

  /** Where a key is stored. */
  subject(key: string): string {
    return `$KV.${this.bucket}.${key}`;
  }

  /** The key that is stored under a subject. */
  key(subject: string): string {
    return subject.slice(this.subject('').length);
  }
}
