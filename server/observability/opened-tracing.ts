import type { Logger } from './logging.ts';
import type { Tracer } from './tracing.ts';

/** What the environment says, in the names of OpenTelemetry. */
type Environment = Readonly<Record<string, string | undefined>>;

const MISSING = 'traces are not exported: a package is missing';
/** The packages that are needed, which not every user of the client has to install. */
const PACKAGES = [
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
    logger.warn({ reason: (error as Error).message, install: PACKAGES.join(' ') }, MISSING);
    return undefined;
  }
}

function isAskedFor(environment: Environment): boolean {
  const endpoint =
    environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const exporter = environment['OTEL_TRACES_EXPORTER'] ?? 'otlp';
  return !!endpoint && exporter !== 'none' && environment['OTEL_SDK_DISABLED']?.toLowerCase() !== 'true';
}
