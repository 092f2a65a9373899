/** Counts of other gateways are forgotten when not repeated for so long, in milliseconds. */
const EXPIRY_MS = 20_000;

interface Report {
  readonly viewers: number;
  readonly atMs: number;
}

/** How many viewers a room has over all gateways: the sum of what each last reported. */
export class Audience {
  readonly #reports = new Map<string, Report>();

  /** Notes what another gateway reports. */
  report(gateway: string, viewers: number, nowMs: number): void {
    if (viewers === 0) this.#reports.delete(gateway);
    else this.#reports.set(gateway, { viewers, atMs: nowMs });
  }

  /** The sum, with this gateway's own viewers. */
  total(ownViewers: number, nowMs: number): number {
    let sum = ownViewers;
    for (const [gateway, { viewers, atMs }] of this.#reports) {
      if (nowMs - atMs > EXPIRY_MS) this.#reports.delete(gateway);
      else sum += viewers;
    }
    return sum;
  }
}
