import type { ConnectionState } from '../client/index.ts';
import type { Clock, Timer } from '../common/clock.ts';
import { stateLine } from './format-text.ts';

/** How often the line on a terminal is brought up to date, and how often a line is added elsewhere; in milliseconds. */
const UPDATE_MS = { terminal: 1_000, elsewhere: 60_000 };

/** Where lines for people go. */
export interface LineStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/**
 * Tells how the connection is: a line for each change, but only one for all attempts of an outage. On a terminal it is
 * brought up to date in its place, elsewhere another one follows every minute.
 */
export class OutageLine {
  readonly #stream: LineStream;
  readonly #clock: Clock;
  #sinceMs: number | undefined;
  /** Of all outages so far. */
  #downMs = 0;
  #attempts = 0;
  #last = '';
  #timer: Timer | undefined;
  #shown = false;

  constructor(stream: LineStream, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
  }

  tell(state: ConnectionState): void {
    if (state.kind === 'backoff') return this.#failed(stateLine(state) ?? '');
    const line = stateLine(state);
    if (line === undefined) return;
    const was = state.kind === 'live' ? this.#end() : '';
    this.clear();
    this.#stream.write(`${line}${was}\n`);
  }

  /** Takes the line away that would be overwritten, before something else is written. */
  clear(): void {
    if (this.#shown) this.#stream.write('\r\u001b[2K');
    this.#shown = false;
  }

  close(): void {
    this.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #failed(line: string): void {
    this.#attempts++;
    this.#last = line;
    if (this.#sinceMs !== undefined) {
      if (this.#stream.isTTY) this.#show();
      return;
    }
    this.#sinceMs = this.#clock.monotonicMs();
    this.#show();
    const everyMs = this.#stream.isTTY ? UPDATE_MS.terminal : UPDATE_MS.elsewhere;
    this.#timer = this.#clock.every(everyMs, () => this.#show());
  }

  /** What there is to say of the outage that has ended, if one has. */
  #end(): string {
    if (this.#sinceMs === undefined) return '';
    const said = ` after ${this.#account()}`;
    this.#downMs += this.#outageMs;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sinceMs = undefined;
    this.#attempts = 0;
    return said;
  }

  #show(): void {
    const line = `${this.#last} [${this.#account()}]`;
    if (!this.#stream.isTTY) {
      this.#stream.write(`${line}\n`);
      return;
    }
    // Lines are cut off at the edge, not wrapped: else it would not be one.
    this.#stream.write(`\r\u001b[2K\u001b[?7l${line}\u001b[?7h`);
    this.#shown = true;
  }

  get #outageMs(): number {
    return this.#sinceMs === undefined ? 0 : this.#clock.monotonicMs() - this.#sinceMs;
  }

  #account(): string {
    const attempts = `${this.#attempts} failed ${this.#attempts === 1 ? 'attempt' : 'attempts'}`;
    const total = this.#downMs === 0 ? '' : `, ${seconds(this.#downMs + this.#outageMs)} in all`;
    return `${attempts}, down for ${seconds(this.#outageMs)}${total}`;
  }
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;
