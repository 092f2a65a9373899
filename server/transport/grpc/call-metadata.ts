import { Metadata } from '@grpc/grpc-js';
import type { TraceParent } from '../../observability/tracing.ts';

/*
 * Access: `metadata` of the call that a server's interceptor is given.
 * If it changes: calls that come by a trusted proxy are refused, and say so.
 * Instead, once there is one: metadata that is known when a call begins, before it is started.
 */

/** What the X-Forwarded-For headers of a call say. */
export function forwardedFor(metadata: Metadata): string[] {
  return metadata.get('x-forwarded-for').map(String);
}

/** Whose trace a call is part of, as it says. */
export function traceParentIn(metadata: Metadata): TraceParent | undefined {
  const [traceparent] = metadata.get('traceparent');
  if (traceparent === undefined) return undefined;
  return { traceparent: String(traceparent), tracestate: metadata.get('tracestate').join(',') || undefined };
}

/**
 * What a call has brought in its headers. grpc-js tells it when the call is started, which is too late to count what has begun to come.
 * @throws when grpc-js keeps it elsewhere
 */
export function metadataOf(call: object): Metadata {
  const { metadata } = call as { metadata?: unknown };
  if (metadata instanceof Metadata) return metadata;
  throw new Error('this version of @grpc/grpc-js keeps the metadata of a call elsewhere');
}
