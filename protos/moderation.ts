import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ModerationDefinition } from './gen/live/v1/Moderation.ts';
import type { ProtoGrpcType } from './gen/moderation.ts';

/* What moderators do, loaded with the options that `live.ts` explains. */

const loaded = loadPackageDefinition(
  loadSync(fileURLToPath(new URL('./live/v1/moderation.proto', import.meta.url)), {
    longs: String,
    enums: String,
    oneofs: true,
    defaults: true,
  }),
) as unknown as ProtoGrpcType;

/** The client constructor of `live.v1.Moderation`. */
export const ModerationStub = loaded.live.v1.Moderation;

/** The methods of `live.v1.Moderation` with their serializers. */
export const moderationService: ServiceDefinition & ModerationDefinition = loaded.live.v1.Moderation.service;
