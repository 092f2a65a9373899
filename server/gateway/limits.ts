import type { Authenticator } from '../auth/authenticator.ts';
import type { ServerConfig } from '../config/config.ts';
import type { HubLimits } from '../room/hub.ts';
import type { UserLimits } from '../session/user-rates.ts';

/** Fixed bounds of rooms; those that operators tune are settings. Times in milliseconds. */
const ROOM_LIMITS = { lingerMs: 30_000, maxCheckMs: 30_000, audienceMs: 3_000 };

/** What rooms may take. */
export function roomLimits(config: ServerConfig): HubLimits {
  return {
    ...ROOM_LIMITS,
    roomLogBytes: config.roomLogBytes,
    logBytes: config.logBytes,
    maxCheckMs: Math.min(ROOM_LIMITS.maxCheckMs, config.maxAgeMs / 4),
    ephemeralRate: config.ephemeralRate,
    lingeringRooms: config.lingeringRooms,
  };
}

/** What each user may do. */
export function userLimits(config: ServerConfig, { kind }: Pick<Authenticator, 'kind'>): UserLimits {
  return {
    join: config.joinRate,
    read: kind === 'open' ? Infinity : config.readRate,
    publish: config.publishRate,
    ephemeral: config.userEphemeralRate,
  };
}
