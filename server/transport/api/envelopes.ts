import { PREFIX_BYTES, prefixedFrame } from '../../log/frame-prefix.ts';
import { Failure } from '../../session/failure.ts';

/*
 * What streams of the Connect protocol are made of: flags, four bytes of length, and as many bytes. But for the flags this is the prefix of gRPC.
 */

const COMPRESSED = 1;
const END_OF_STREAM = 2;

/** A message of a stream. */
export function messageEnvelope(message: Buffer): Buffer {
  return prefixedFrame(message);
}

/** The end of a stream: what a status is in gRPC. */
export function endEnvelope(end: object): Buffer {
  const envelope = prefixedFrame(Buffer.from(JSON.stringify(end)));
  envelope[0] = END_OF_STREAM;
  return envelope;
}

/**
 * The only message of a request.
 * @throws Failure when there is none, more than that, or it is compressed
 */
export function onlyMessage(body: Buffer): Buffer {
  const [flags = 0] = body;
  if ((flags & COMPRESSED) !== 0)
    throw new Failure('COMPRESSION_UNSUPPORTED', 'the request is compressed: send it as it is');
  if (body.length < PREFIX_BYTES || body.readUInt32BE(1) !== body.length - PREFIX_BYTES)
    throw new Failure('MALFORMED_FRAME', 'the body is not one message behind its prefix of five bytes');
  return body.subarray(PREFIX_BYTES);
}
