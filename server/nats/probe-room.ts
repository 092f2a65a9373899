import { randomUUID } from 'node:crypto';

/** Name of a room that nobody uses, to find out what NATS lets the gateway do. */
export const probeRoom = (): string => `probe-${randomUUID()}`;
