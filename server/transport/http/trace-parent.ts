import type { IncomingHttpHeaders } from 'node:http';
import type { TraceParent } from '../../observability/tracing.ts';

/** Whose trace a request is part of, as it says. */
export function traceParentOf({ traceparent, tracestate }: IncomingHttpHeaders): TraceParent | undefined {
  if (traceparent === undefined) return undefined;
  return { traceparent: String(traceparent), tracestate: tracestate && String(tracestate) };
}
