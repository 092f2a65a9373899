import { headers } from 'nats';
import type { BucketWriter } from '../../upstream/bucket.ts';
import { BucketError } from '../../upstream/bucket.ts';
import { JetStreamError } from '../connection/jetstream-api.ts';
import type { RequestOptions } from '../connection/requests.ts';
import { RequestError } from '../connection/requests.ts';
import type { BucketWatch } from './bucket-watch.ts';
import type { BucketWritesDependencies } from './bucket-writes.ts';
import { BucketWrites } from './bucket-writes.ts';

/** What writing to a bucket that is watched depends on. */
export interface BucketStoreDependencies extends BucketWritesDependencies {
  readonly watch: Pick<BucketWatch, 'look' | 'missing'>;
}

/** Writes to a bucket that is watched, and makes it if there is none. */
export class BucketStore implements BucketWriter {
  readonly #dependencies: BucketStoreDependencies;
  readonly #writes: BucketWrites;

  constructor(dependencies: BucketStoreDependencies) {
    this.#dependencies = dependencies;
    this.#writes = new BucketWrites(dependencies);
  }

  /** See {@link BucketWriter}. */
  put(key: string, value: string): Promise<void> {
    return this.#write(key, value, {});
  }

  /** See {@link BucketWriter}. */
  remove(key: string): Promise<void> {
    const deletion = headers();
    deletion.set('KV-Operation', 'DEL');
    return this.#write(key, '', { headers: deletion });
  }

  /** See {@link BucketWrites.mayWrite}. */
  mayWrite(): Promise<boolean> {
    return this.#writes.mayWrite();
  }

  async #write(key: string, value: string, how: RequestOptions): Promise<void> {
    const { watch } = this.#dependencies;
    try {
      // That nobody listens is not always told, for example by way of another JetStream domain.
      await watch.look();
      if (watch.missing) await this.#writes.create();
      await this.#writes.store(key, value, { ...how, justBegun: watch.missing });
    } catch (error) {
      throw this.#explained(error);
    }
    await watch.look();
  }

  #explained(error: unknown): unknown {
    const { names, replicas } = this.#dependencies;
    if (error instanceof RequestError) {
      const { kind, message } = error;
      if (kind !== 'forbidden')
        return new BucketError('unavailable', `NATS does not answer (${message})`, { cause: error });
      const advice = `give it to the gateway's user; if it is the one to create the bucket: nats kv add ${names.bucket} --replicas ${replicas}`;
      return new BucketError('forbidden', `${message}: ${advice}`, { cause: error });
    }
    if (error instanceof JetStreamError) {
      const { code, message } = error;
      return new BucketError(
        'unavailable',
        `NATS cannot store it in the bucket ${names.bucket}: ${message} (${code})`,
        { cause: error },
      );
    }
    return error;
  }
}
