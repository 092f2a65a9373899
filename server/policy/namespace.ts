import type { DeliveryClass } from '../../protos/vocabulary.ts';

/** What is asked of messages of one type. */
export interface TypeRule {
  /** Publishers need not give it. */
  readonly deliveryClass: DeliveryClass;
  /** Whether only who may moderate the room may publish them. */
  readonly moderatorsOnly: boolean;
}

/** What holds in a room beside the settings for all; what is undefined is not limited, or not said. */
export interface Policy {
  /** The types that may be published, by name. */
  readonly types: Readonly<Record<string, TypeRule>> | undefined;
  /** Ephemeral publishes a second that the room takes, in each process. */
  readonly roomEphemeralRate: number | undefined;
  /** Publishes a second of one user in the room, in each process. */
  readonly userPublishRate: number | undefined;
  /** How many messages a start may reach back; 0: none. */
  readonly historyMessages: number | undefined;
  /** How far a start may reach back, in milliseconds. */
  readonly historyAgeMs: number | undefined;
  /** Bytes that a payload may have. */
  readonly maxPayload: number | undefined;
  /** Whether rooms have state. */
  readonly state: boolean | undefined;
  /** Whether it is told who is in the room. */
  readonly presence: boolean | undefined;
}

/** The rooms whose names fit a pattern, and what holds in them. */
export interface Namespace extends Policy {
  /** A room name, in which one `*` stands for any number of characters. */
  readonly rooms: string;
}

/** Where no namespace says otherwise. */
export const NO_POLICY: Policy = {
  types: undefined,
  roomEphemeralRate: undefined,
  userPublishRate: undefined,
  historyMessages: undefined,
  historyAgeMs: undefined,
  maxPayload: undefined,
  state: undefined,
  presence: undefined,
};
