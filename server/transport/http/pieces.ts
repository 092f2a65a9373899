import type { ServerResponse } from 'node:http';

/** What is written is handed over in pieces of so many bytes, so that who takes only a part of it in a long time is seen to take something. */
const PIECE_BYTES = 80 * 1024;

/** Who is told what becomes of what is written; of nothing any more when the connection is lost. */
export interface PiecesListener {
  /** A piece was handed over, but for the last. */
  progressed(): void;
  /** All was. */
  written(): void;
}

/** Writes into an answer, one thing after the other: the next when the one before was written. */
export class Pieces {
  readonly #response: ServerResponse;
  readonly #listener: PiecesListener;
  /** What has yet to be handed over. */
  #rest: Buffer | undefined;
  readonly #handedOver = (error?: Error | null): void => {
    if (error) return;
    const rest = this.#rest;
    if (rest === undefined) return this.#listener.written();
    this.#listener.progressed();
    this.write(rest);
  };

  constructor(response: ServerResponse, listener: PiecesListener) {
    this.#response = response;
    this.#listener = listener;
  }

  write(bytes: Buffer): void {
    const large = bytes.length > PIECE_BYTES;
    this.#rest = large ? bytes.subarray(PIECE_BYTES) : undefined;
    this.#response.write(large ? bytes.subarray(0, PIECE_BYTES) : bytes, this.#handedOver);
  }

  /** Hands over at once what is left: something has to follow it that is not to wait. To be called before the answer is ended. */
  finish(): void {
    if (this.#rest !== undefined) this.#response.write(this.#rest);
    this.#rest = undefined;
  }
}
