import { EventSource } from 'eventsource';
import { until } from './poll.ts';

/** An event as an application is given it. */
export interface StockEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Of this event; empty: it had none. */
  readonly id: string;
}

/** How an EventSource was told that its stream is over. */
export interface StockError {
  /** It gives up, and never comes again. */
  readonly final: boolean;
  /** Of HTTP, where the answer was another than 200. */
  readonly status: number | undefined;
}

/** All kinds of events that the gateway sends, as docs/http.md has them. */
const KINDS = [
  'joined',
  'message',
  'ephemeral',
  'caught-up',
  'gap',
  'reset',
  'dropped',
  'audience',
  'upstream',
  'token-expiring',
  'go-away',
  'refused',
];

/** A viewer by an `EventSource` that others have made (https://www.npmjs.com/package/eventsource), and what it tells its application. Nothing here helps it. */
export class StockViewer implements Disposable {
  readonly events: StockEvent[] = [];
  readonly errors: StockError[] = [];
  /** Streams that have begun. */
  opened = 0;
  readonly #source: EventSource;

  constructor(url: string) {
    this.#source = new EventSource(url);
    this.#source.addEventListener('open', () => (this.opened += 1));
    this.#source.addEventListener('error', ({ code }) =>
      this.errors.push({ final: this.#source.readyState === EventSource.CLOSED, status: code }),
    );
    for (const event of KINDS)
      this.#source.addEventListener(event, ({ data, lastEventId }) =>
        this.events.push({
          event,
          data: JSON.parse(data as string) as StockEvent['data'],
          id: lastEventId,
        }),
      );
  }

  get state(): 'connecting' | 'open' | 'closed' {
    return (['connecting', 'open', 'closed'] as const)[this.#source.readyState] as 'connecting';
  }

  /** All events of a kind so far. */
  all(event: string): StockEvent[] {
    return this.events.filter((received) => received.event === event);
  }

  /** Waits for the `nth` event of a kind, from 1. */
  next(event: string, nth = 1): Promise<StockEvent> {
    return until(`event ${event} number ${nth} comes`, () => this.all(event)[nth - 1]);
  }

  [Symbol.dispose](): void {
    this.#source.close();
  }
}
