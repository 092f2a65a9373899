import { z } from 'zod';

/** What a gateway says on a room's presence subject. */
const presenceSchema = z.object({
  /** Identity of the gateway process. */
  gateway: z.string().min(1).max(64),
  viewers: z.number().int().nonnegative(),
});

export type Presence = z.infer<typeof presenceSchema>;

export function encodePresence(presence: Presence): string {
  return JSON.stringify(presence);
}

/** @throws if the bytes are not what a gateway says */
export function decodePresence(data: Uint8Array): Presence {
  return presenceSchema.parse(JSON.parse(Buffer.from(data).toString()));
}
