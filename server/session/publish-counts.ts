import { Histogram } from '../../common/histogram.ts';
import { Failure } from './failure.ts';

/** What became of a publish: `sent` is that of an ephemeral message, which is not stored. */
type PublishResult = 'stored' | 'duplicate' | 'sent' | 'refused' | 'unknown';

/** How many publishes of a class came to a result. */
export interface PublishCount {
  readonly deliveryClass: string;
  readonly result: PublishResult;
  readonly count: number;
}

const CLASSES = ['RELIABLE', 'EPHEMERAL'] as const;
type DeliveryClass = (typeof CLASSES)[number];

/** An acknowledgement takes NATS a round trip and a write to its disks; a publish is tried for 10 s at most. */
const ACKNOWLEDGED_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What became of the publishes of viewers. */
export class PublishCounts {
  /** How long reliable ones waited for what NATS said of them, in seconds. */
  readonly seconds = new Histogram(ACKNOWLEDGED_SECONDS);
  readonly #counts: Record<DeliveryClass, Record<PublishResult, number>> = {
    RELIABLE: { stored: 0, duplicate: 0, sent: 0, refused: 0, unknown: 0 },
    EPHEMERAL: { stored: 0, duplicate: 0, sent: 0, refused: 0, unknown: 0 },
  };

  get all(): readonly PublishCount[] {
    return CLASSES.flatMap((deliveryClass) =>
      (Object.entries(this.#counts[deliveryClass]) as [PublishResult, number][])
        .filter(([result]) => isPossible(deliveryClass, result))
        .map(([result, count]) => ({ deliveryClass, result, count })),
    );
  }

  note(deliveryClass: DeliveryClass, result: PublishResult): void {
    this.#counts[deliveryClass][result]++;
  }

  /** Notes one that failed. */
  noteFailure(deliveryClass: DeliveryClass, error: unknown): void {
    const unknown = error instanceof Failure && error.reason === 'PUBLISH_OUTCOME_UNKNOWN';
    this.note(deliveryClass, unknown ? 'unknown' : 'refused');
  }
}

/** What is stored has an acknowledgement, and what is not has none. */
function isPossible(deliveryClass: DeliveryClass, result: PublishResult): boolean {
  return result === 'refused' || (deliveryClass === 'EPHEMERAL') === (result === 'sent');
}
