import type { Progress } from './pending-publish.ts';
import type { PublishOrder } from './publish-order.ts';

/** Goes through publishes in the order of the calls, and says whose turn it is. */
export class Turns {
  /** Rooms of which nothing may be sent any more, because something earlier has to go first. */
  readonly #held = new Set<string>();
  /** Rooms of which something is in flight. */
  readonly #busy = new Set<string>();

  constructor(abandoned: Iterable<PublishOrder>) {
    for (const order of abandoned) this.take(order, 'sent');
  }

  /** Whether the next one may be sent. */
  take({ deliveryClass, message, ordered }: PublishOrder, turn: Progress['kind']): boolean {
    if (deliveryClass === 'EPHEMERAL') return turn === 'waiting';
    const { room } = message;
    if (turn === 'waiting' && !this.#held.has(room) && !(ordered && this.#busy.has(room))) return true;
    if (turn === 'sent') this.#busy.add(room);
    if (ordered || turn === 'resting') this.#held.add(room);
    return false;
  }
}
