/** What the reply subject of a consumer's message says about it. */
export interface AckSubject {
  readonly consumer: string;
  readonly seq: number;
  /** When it was stored, in milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** How many messages the consumer has delivered, this one included. */
  readonly delivered: number;
  /** How many it has yet to deliver, as far as its server knows. */
  readonly pending: number;
}

/**
 * Parses the reply subject of a message from a consumer (NATS ADR-15). Its two forms:
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, and the same with
 * domain and account after `ACK` and possibly more at the end.
 * @throws if it is neither
 */
export function parseAckSubject(subject: string): AckSubject {
  const tokens = subject.split('.', 11);
  const skipped = tokens.length === 11 ? 2 : 0;
  const consumer = tokens[3 + skipped] ?? '';
  const seq = Number(tokens[5 + skipped]);
  // Nanoseconds since the Unix epoch have 19 digits until the year 2286: the last six are cut off, not divided away.
  const timeMs = Number(tokens[7 + skipped]?.slice(0, -6));
  const delivered = Number(tokens[6 + skipped]);
  const pending = Number(tokens[8 + skipped]);
  // One that is missing makes the sum none.
  if (!subject.startsWith('$JS.ACK.') || !Number.isSafeInteger(seq + timeMs + delivered + pending)) {
    throw new Error(`not the reply subject of a JetStream message: ${JSON.stringify(subject)}`);
  }
  return { consumer, seq, timeMs, delivered, pending };
}
