import { inflateRawSync } from 'node:zlib';
import type { ServerFrame } from '../protos/live.ts';
import { liveService } from '../protos/live.ts';

/** No batch is longer: NATS stores no message above 64 MiB. A longer one is a defect, or a bomb. */
const maxOutputLength = 65 * 1024 * 1024;

/**
 * Decodes what the gateway sent, inflated where it was compressed.
 * @throws if the bytes are no ServerFrame
 */
export function receiveFrame(bytes: Buffer): ServerFrame {
  const frame = decode(bytes);
  return frame.deflated ? decode(inflateRawSync(frame.deflated, { maxOutputLength })) : frame;
}

const decode = (bytes: Buffer): ServerFrame => liveService.Connect.responseDeserialize(bytes);
