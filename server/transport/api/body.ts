import type { IncomingMessage } from 'node:http';
import { Failure } from '../../session/failure.ts';
import type { Origin } from '../connections/origins.ts';
import type { Incoming, Receiving } from '../connections/receiving.ts';

/** Room for the beginning of a body, in bytes. */
const LEAST_BYTES = 512;

/**
 * The body of a request, whole.
 * @param receiving bounds what comes, in memory and time
 * @param mostBytes that it may have
 * @throws Failure when it is larger than a request may be, compressed, or not complete in time
 */
export async function readBody(
  request: IncomingMessage,
  origin: Origin,
  receiving: Receiving,
  mostBytes: number,
): Promise<Buffer> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    const text = `the body is compressed with ${encoding.slice(0, 40)}: send it as it is`;
    throw new Failure('COMPRESSION_UNSUPPORTED', text);
  }
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) throw tooLarge(mostBytes);
  return new Body(request, origin, receiving, mostBytes).read();
}

/** Parts are copied into one piece that grows with them: what is kept of one would keep all that came with it. */
class Body implements Incoming {
  readonly source: IncomingMessage;
  readonly connection: object;
  readonly origin: Origin;
  readonly #receiving: Receiving;
  readonly #mostBytes: number;
  #bytes: Buffer | undefined;
  filled = 0;
  #settle: (failure?: Failure) => void = () => undefined;

  constructor(request: IncomingMessage, origin: Origin, receiving: Receiving, mostBytes: number) {
    this.source = request;
    this.connection = request.socket;
    this.origin = origin;
    this.#receiving = receiving;
    this.#mostBytes = mostBytes;
  }

  /** See {@link Incoming}. */
  get held(): number {
    return this.#bytes?.length ?? 0;
  }

  /** See {@link Incoming}. */
  get complete(): boolean {
    return this.source.complete;
  }

  /** See {@link Incoming}. */
  refuse(failure: Failure): void {
    this.#settle(failure);
  }

  read(): Promise<Buffer> {
    const { source } = this;
    return new Promise((resolve, reject) => {
      const take = (part: Buffer): void => this.#append(part);
      this.#settle = (failure) => {
        this.#settle = () => undefined;
        this.#receiving.end(this);
        source.off('data', take);
        const bytes = this.#bytes?.subarray(0, this.filled) ?? Buffer.alloc(0);
        this.#bytes = undefined;
        if (failure) reject(failure);
        else resolve(bytes);
      };
      this.#receiving.begin(this);
      source.on('data', take);
      source.once('end', () => this.#settle());
      source.once('close', () => this.#settle(cutOff()));
    });
  }

  #append(part: Buffer): void {
    const filled = this.filled + part.length;
    if (filled > this.#mostBytes) return this.#settle(tooLarge(this.#mostBytes));
    if (filled > this.held) this.#grow(filled);
    // Others may have to go for it, or it itself.
    if (this.#bytes === undefined) return;
    part.copy(this.#bytes, this.filled);
    this.filled = filled;
  }

  #grow(needed: number): void {
    const before = this.held;
    const size = Math.min(this.#mostBytes, Math.max(LEAST_BYTES, needed, 2 * before));
    const grown = Buffer.allocUnsafeSlow(size);
    this.#bytes?.copy(grown, 0, 0, this.filled);
    this.#bytes = grown;
    this.#receiving.grown(this, size - before);
  }
}

function tooLarge(mostBytes: number): Failure {
  const text = `the request is larger than ${mostBytes} bytes: send a reference instead`;
  return new Failure('REQUEST_TOO_LARGE', text);
}

function cutOff(): Failure {
  return new Failure('MALFORMED_FRAME', 'the request was not sent to its end');
}
