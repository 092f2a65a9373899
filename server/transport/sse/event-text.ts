/** An event as it is to be sent (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export interface SseEvent {
  readonly event: string;
  /** What the client stands at once it has had it; absent: where it stood before. */
  readonly id?: string | undefined;
  readonly data: object;
}

/** An event as text. Neither JSON nor our identifiers have line ends in them. */
export function eventText({ event, id, data }: SseEvent): string {
  const place = id === undefined ? '' : `id: ${id}\n`;
  return `${place}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Says how long to wait before coming again when the stream has ended, in milliseconds: from now on. */
export function retryText(ms: number): string {
  return `retry: ${Math.ceil(ms)}\n\n`;
}

/** A sign of life, of which the application is told nothing. */
export const HEARTBEAT_TEXT = ': heartbeat\n\n';
