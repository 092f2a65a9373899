import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadPackageDefinition } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { loadSync } from '@grpc/proto-loader';
import type { ClientFrame, ClientFrameInput } from './gen/live/v1/ClientFrame.ts';
import type { LiveDefinition } from './gen/live/v1/Live.ts';
import type { ProtoGrpcType } from './gen/live.ts';
import type { ServerFrame, ServerFrameInput } from './gen/live/v1/ServerFrame.ts';

/**
 * The contract, loaded once. 64-bit integers are decimal strings, so that a sequence is never
 * silently a float; enums are their names; a oneof tells which member is set. These options must agree
 * with those of the `generate` script in package.json, which writes the types in `gen/`.
 */
export const packageDefinition: PackageDefinition = loadSync(
  fileURLToPath(new URL('./live/v1/live.proto', import.meta.url)),
  { longs: String, enums: String, oneofs: true, defaults: true },
);

const loaded = loadPackageDefinition(packageDefinition) as unknown as ProtoGrpcType;

/** The client constructor of `live.v1.Live`. */
export const LiveStub = loaded.live.v1.Live;

/** The methods of `live.v1.Live` with their serializers. */
export const liveService: ServiceDefinition & LiveDefinition = loaded.live.v1.Live.service;

/** Encodes one server frame; for frames that are not on the fan-out path. */
export function encodeServerFrame(frame: ServerFrameInput): Buffer {
  return liveService.Connect.responseSerialize(frame);
}

/**
 * Decodes one server frame as it was encoded: not inflated.
 * @throws if the bytes are not a ServerFrame.
 */
export function decodeServerFrame(bytes: Buffer): ServerFrame {
  return liveService.Connect.responseDeserialize(bytes);
}

/**
 * Decodes one client frame.
 * @throws if the bytes are not a ClientFrame.
 */
export function decodeClientFrame(bytes: Buffer): ClientFrame {
  return liveService.Connect.requestDeserialize(bytes);
}

export { CONTRACT_REVISION as contractRevision } from './revision.ts';
export type { ClientFrame, ClientFrameInput, ServerFrame, ServerFrameInput };
