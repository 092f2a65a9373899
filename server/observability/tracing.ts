/** Whose trace a request is part of, as the caller says it in headers (https://www.w3.org/TR/trace-context/). Not checked yet. */
export interface TraceParent {
  readonly traceparent: string;
  readonly tracestate?: string | undefined;
}

/** What is known of a piece of work; see the semantic conventions of OpenTelemetry. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A piece of work that begins. */
export interface SpanStart {
  /** Of few different ones: nothing of the request is in it. */
  readonly name: string;
  readonly kind: 'server' | 'producer';
  readonly attributes: SpanAttributes;
  /** What it is part of; undefined: it begins a trace of its own. */
  readonly parent?: Span | TraceParent | undefined;
  /** What it also belongs to. */
  readonly link?: TraceParent | undefined;
}

/** A piece of work. */
export interface Span {
  readonly traceId: string;
  /** What is sent along with what the work makes; undefined when the trace is not recorded. */
  readonly traceparent: string | undefined;
  set(attributes: SpanAttributes): void;
  /** Says that it failed, and why in one word. `fault`: of ours, not of whoever asked. */
  fail(reason: string, fault: boolean): void;
  end(): void;
}

/** Notes pieces of work for whoever wants to know where the time goes. */
export interface Tracer {
  begin(start: SpanStart): Span;
  /** Hands over what has yet to be exported, and ends. Never rejects. */
  close(): Promise<void>;
}
