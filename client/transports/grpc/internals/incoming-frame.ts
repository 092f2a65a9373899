import type { IncomingFrame } from '../../../core/transport.ts';

/*
 * Access: the message decoder of a call (`decoder.readMessageSize` and `readMessageRemaining` of grpc-js' StreamDecoder), and the way to it through the calls
 * below one another (`call`, `child`, `underlyingCalls[].call`).
 * If it changes: the size of a large frame that is on its way is not told any more (`slow` without a total). Nothing else.
 * Instead, once there is one: a public measure of how far the next message has come.
 */

/** What grpc-js puts a message together with, by its own names. */
interface Decoder {
  readonly readMessageSize: number;
  readonly readMessageRemaining: number;
}

/** A call of grpc-js, and the one below it that it hands everything to, by whichever name. */
interface Call {
  readonly call?: Call;
  readonly child?: Call;
  readonly underlyingCalls?: readonly { readonly call: Call }[];
  readonly decoder?: Partial<Decoder>;
}

/** More than there are below one another. */
const DEEPEST = 10;

/**
 * The frame that has begun to come by a call of grpc-js; undefined between two frames, and as long as a frame's length has not come. It is asked of what puts
 * messages together, for which grpc-js has no public name: a version that has it elsewhere is one that does not tell.
 */
export function incomingFrame(call: object): IncomingFrame | undefined {
  const decoder = decoderOf(call);
  const { readMessageSize: total, readMessageRemaining: missing } = decoder ?? {};
  if (typeof total !== 'number' || typeof missing !== 'number' || missing === 0) return undefined;
  return { bytes: total - missing, total };
}

function decoderOf(outermost: Call): Partial<Decoder> | undefined {
  let call: Call | undefined = outermost;
  for (let depth = 0; call !== undefined && depth < DEEPEST; depth += 1) {
    if (call.decoder !== undefined) return call.decoder;
    call = call.call ?? call.child ?? call.underlyingCalls?.[0]?.call;
  }
  return undefined;
}
