import type { Context, Span as OtelSpan } from '@opentelemetry/api';
import {
  defaultTextMapGetter,
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { VERSION } from '../../common/node/version.ts';
import type { Logger } from './logging.ts';
import type { Span, SpanAttributes, SpanStart, TraceParent, Tracer } from './tracing.ts';

const NAME = 'live-gateway';
/** A collector that does not answer keeps no gateway from ending, in milliseconds. */
const FLUSH_MS = 2_000;
const SAMPLED = 1;
const KINDS = { server: SpanKind.SERVER, producer: SpanKind.PRODUCER } as const;

const propagator = new W3CTraceContextPropagator();

/**
 * Exports by OTLP over HTTP (protobuf), in batches, as the environment says: all of `OTEL_EXPORTER_OTLP_*`, `OTEL_TRACES_SAMPLER*`, `OTEL_BSP_*`,
 * `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`. This file alone knows OpenTelemetry.
 * @param instance of this gateway
 */
export function openTelemetryTracer(instance: string, logger: Logger): Tracer {
  tellTrouble(logger);
  const ours = resourceFromAttributes({
    'service.name': NAME,
    'service.version': VERSION,
    'service.instance.id': instance,
  });
  const provider = new BasicTracerProvider({
    resource: ours.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer(NAME, VERSION);
  return {
    begin({ name, kind, attributes, parent, link }: SpanStart): Span {
      const linked = link && trace.getSpanContext(contextOf(link));
      const links = linked === undefined ? [] : [{ context: linked }];
      const options = { kind: KINDS[kind], attributes, links };
      return new RecordedSpan(tracer.startSpan(name, options, contextOf(parent)), kind);
    },
    async close() {
      const flushed = provider.forceFlush({ timeoutMillis: FLUSH_MS }).then(() => provider.shutdown());
      const enough = new Promise<void>((resolve) => setTimeout(resolve, FLUSH_MS).unref());
      await Promise.race([flushed.catch(() => undefined), enough]);
      diag.disable();
    },
  };
}

class RecordedSpan implements Span {
  readonly otel: OtelSpan;
  readonly #kind: SpanStart['kind'];

  constructor(otel: OtelSpan, kind: SpanStart['kind']) {
    this.otel = otel;
    this.#kind = kind;
  }

  get traceId(): string {
    return this.otel.spanContext().traceId;
  }

  get traceparent(): string | undefined {
    const { traceId, spanId, traceFlags } = this.otel.spanContext();
    return (traceFlags & SAMPLED) === 0 ? undefined : `00-${traceId}-${spanId}-01`;
  }

  set(attributes: SpanAttributes): void {
    this.otel.setAttributes(attributes);
  }

  /** To whoever serves, what the client did wrong is no error; to whoever sends, everything is. */
  fail(reason: string, fault: boolean): void {
    this.otel.setAttribute('error.type', reason);
    if (fault || this.#kind === 'producer')
      this.otel.setStatus({ code: SpanStatusCode.ERROR, message: reason });
  }

  end(): void {
    this.otel.end();
  }
}

function contextOf(parent: Span | TraceParent | undefined): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  if (parent instanceof RecordedSpan) return trace.setSpan(ROOT_CONTEXT, parent.otel);
  return propagator.extract(ROOT_CONTEXT, parent, defaultTextMapGetter);
}

/** What the exporter has to say: that it could not export, mostly. */
function tellTrouble(logger: Logger): void {
  const tell = (text: string): void =>
    logger.warn({ reason: text.slice(0, 300) }, 'traces cannot be exported');
  const unsaid = (): void => undefined;
  const told = { error: tell, warn: tell, info: unsaid, debug: unsaid, verbose: unsaid };
  diag.setLogger(told, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}
