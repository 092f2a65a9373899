import { isUtf8 } from 'node:buffer';
import type { Ephemeral } from '../../../protos/gen/live/v1/Ephemeral.ts';
import type { Message } from '../../../protos/gen/live/v1/Message.ts';

/** A payload as JSON has it: as text, if it is one. */
export type PayloadJson = { readonly payload: string } | { readonly payloadBase64: string };

/** A reliable message as JSON. Sequences and times are numbers: JavaScript has them exactly up to 2^53. */
export function messageJson({
  seq,
  prevSeq,
  id,
  type,
  sender,
  timeMs,
  payload,
  headers,
  omittedBytes,
}: Message): object {
  return {
    seq: Number(seq),
    prevSeq: Number(prevSeq),
    type,
    class: 'reliable',
    sender,
    id,
    timeMs: Number(timeMs),
    headers,
    ...payloadJson(payload),
    ...(omittedBytes === undefined ? {} : { omittedBytes }),
  };
}

/** An ephemeral message as JSON. */
export function ephemeralJson({ type, sender, timeMs, payload, headers }: Ephemeral): object {
  return { type, class: 'ephemeral', sender, timeMs: Number(timeMs), headers, ...payloadJson(payload) };
}

/** A payload as text if it is one, else in base64. */
export function payloadJson(payload: Buffer): PayloadJson {
  if (isUtf8(payload)) return { payload: payload.toString('utf8') };
  return { payloadBase64: payload.toString('base64') };
}
