const PREFIX = 5;

/** Puts the messages of a gRPC call together, for connections on which little comes. */
export class GrpcMessages {
  readonly #handle: (message: Buffer) => void;
  #bytes = Buffer.alloc(0);

  constructor(handle: (message: Buffer) => void) {
    this.#handle = handle;
  }

  receive(bytes: Buffer, start: number, end: number): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(start, end)]);
    let at = 0;
    while (this.#bytes.length - at >= PREFIX) {
      const next = at + PREFIX + this.#bytes.readUInt32BE(at + 1);
      if (next > this.#bytes.length) break;
      this.#handle(this.#bytes.subarray(at + PREFIX, next));
      at = next;
    }
    this.#bytes = this.#bytes.subarray(at);
  }
}
