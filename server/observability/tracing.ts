import type { Logger } from './logging.ts';

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

/** What the environment says, in the names of OpenTelemetry. */
type Environment = Readonly<Record<string, string | undefined>>;

const MISSING = 'traces are not exported: a package is missing';
/** The packages that are needed, which not every user of the client has to install. */
export const TRACING_PACKAGES = [
  '@opentelemetry/api',
  '@opentelemetry/core',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace-base',
  '@opentelemetry/exporter-trace-otlp-proto',
] as const;

/**
 * Opens the export of traces where the environment asks for it (`OTEL_EXPORTER_OTLP_ENDPOINT`, or `…_TRACES_ENDPOINT`); without it nothing of
 * OpenTelemetry is loaded. What is wrong with it is logged: viewers are served all the same.
 * @param instance of this gateway
 */
export async function openTracing(
  environment: Environment,
  instance: string,
  logger: Logger,
): Promise<Tracer | undefined> {
  if (!isAskedFor(environment)) return undefined;
  const protocol =
    environment['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? environment['OTEL_EXPORTER_OTLP_PROTOCOL'];
  if (protocol !== undefined && protocol !== 'http/protobuf')
    logger.warn(
      { protocol, used: 'http/protobuf' },
      'traces go by another protocol than the environment asks for',
    );
  try {
    const { openTelemetryTracer } = await import('./open-telemetry.ts');
    const tracer = openTelemetryTracer(instance, logger);
    logger.info({}, 'traces are exported');
    return tracer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    logger.warn({ reason: (error as Error).message, install: TRACING_PACKAGES.join(' ') }, MISSING);
    return undefined;
  }
}

function isAskedFor(environment: Environment): boolean {
  const endpoint =
    environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const exporter = environment['OTEL_TRACES_EXPORTER'] ?? 'otlp';
  return !!endpoint && exporter !== 'none' && environment['OTEL_SDK_DISABLED']?.toLowerCase() !== 'true';
}
