/** Gives each text a number, from 0, in the order in which they are first seen. */
export class TextCodes {
  readonly #codes = new Map<string, number>();
  readonly #onNew: (code: number, text: string) => void;

  /** @param onNew is called once for every text */
  constructor(onNew: (code: number, text: string) => void) {
    this.#onNew = onNew;
  }

  codeOf(text: string): number {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    const code = this.#codes.size;
    this.#codes.set(text, code);
    this.#onNew(code, text);
    return code;
  }
}

/** The text of a code. @throws RangeError if the recording does not have it. */
export type TextOf = (code: number) => string;
