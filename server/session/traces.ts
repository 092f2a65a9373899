import { status, statusName } from '../../protos/status-codes.ts';
import type { Span, SpanAttributes, TraceParent, Tracer } from '../observability/tracing.ts';
import type { Publication } from './requests.ts';
import { toFailure } from './refusals.ts';

/** Codes by which the gateway says that it was not the client's fault; as the semantic conventions for gRPC servers have it. */
const FAULTS: ReadonlySet<number> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

/** A call as it is traced. */
export interface TracedCall {
  readonly name: string;
  readonly attributes: SpanAttributes;
  readonly parent: TraceParent | undefined;
}

/**
 * The spans of calls, publishes and joins; nothing is traced for each delivery. Neither rooms nor users are named: traces go to more people, and are kept elsewhere,
 * than a gateway's log. What leads there is `session.id`.
 */
export class Traces {
  readonly #tracer: Pick<Tracer, 'begin'>;
  readonly #prefix: string;

  /** @param subjectPrefix of the subjects of rooms */
  constructor(tracer: Pick<Tracer, 'begin'>, subjectPrefix: string) {
    this.#tracer = tracer;
    this.#prefix = subjectPrefix;
  }

  call({ name, attributes, parent }: TracedCall): Span {
    return this.#tracer.begin({ name, kind: 'server', attributes, parent });
  }

  /**
   * @param parent the call by which it comes, or what the stream has brought
   * @param header `traceparent` that the publisher has given the message, which goes on as it is
   */
  publish(
    parent: Span | TraceParent | undefined,
    header: string | undefined,
    session: string | undefined,
  ): Span {
    const given = header === undefined ? undefined : { traceparent: header };
    return this.#tracer.begin({
      name: 'publish',
      kind: 'producer',
      attributes: { ...this.#operation('publish', session), 'messaging.operation.type': 'send' },
      parent: parent ?? given,
      link: parent === undefined ? undefined : given,
    });
  }

  join(parent: TraceParent | undefined, session: string): Span {
    const attributes = this.#operation('join', session);
    return this.#tracer.begin({ name: 'join', kind: 'server', attributes, parent });
  }

  /** The message of a publish is one that may be. */
  published(span: Span, { deliveryClass, content }: Publication): void {
    const kind = deliveryClass === 'RELIABLE' ? 'room' : 'eph';
    span.set({
      'messaging.destination.template': `${this.#prefix}.${kind}.{room}`,
      'messaging.message.body.size': content.payload.byteLength,
    });
  }

  #operation(name: string, session: string | undefined): SpanAttributes {
    const operation = { 'messaging.system': 'nats', 'messaging.operation.name': name };
    return session === undefined ? operation : { ...operation, 'session.id': session };
  }
}

/** Does the work of a span, which ends with it. */
export async function traced<T>(span: Span | undefined, work: () => Promise<T>): Promise<T> {
  if (span === undefined) return work();
  try {
    return await work();
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Says why the work of a span failed. Only the reason: what is said for people names rooms and users. */
export function fail(span: Span, error: unknown): void {
  const { reason, code } = toFailure(error);
  span.set({ 'rpc.response.status_code': statusName(code) });
  span.fail(reason, FAULTS.has(code));
}
