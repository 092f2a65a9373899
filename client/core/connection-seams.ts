import type { Clock } from '../../common/clock.ts';
import type { ClientFrameInput } from '../../protos/gen/live/v1/ClientFrame.ts';
import type { HelloInput } from '../../protos/gen/live/v1/Hello.ts';
import type { ServerFrame } from '../../protos/gen/live/v1/ServerFrame.ts';
import type { Welcome } from '../../protos/gen/live/v1/Welcome.ts';
import type { ConnectionState } from './connection-state.ts';
import type { Counters } from './counters.ts';
import type { Logger } from './logger.ts';
import type { Route } from './route.ts';
import type { Tokens } from './tokens.ts';
import type { Transport } from './transport.ts';

/** What a connection needs to know. Durations are in milliseconds. */
export interface ConnectionSettings {
  readonly hello: HelloInput;
  /** From the beginning of a connection to its Welcome. */
  readonly connectTimeoutMs: number;
  /** Silence is suspicious after `heartbeat_ms * silenceFactor + silenceSlackMs`. */
  readonly silenceFactor: number;
  readonly silenceSlackMs: number;
  readonly probeTimeoutMs: number;
}

/** What a connection tells its owner. */
export interface ConnectionListener {
  /** Frames that travel with Hello: the joins of all rooms. */
  opening(): ClientFrameInput[];
  welcomed(welcome: Welcome): void;
  /** Every frame that is not the connection's own business, and its size before compression, in bytes. */
  frame(frame: ServerFrame, bytes: number): void;
  /** No frame came for `silentMs`, but so many bytes of one, which has `total` if that is known. */
  slow(bytes: number, silentMs: number, total: number | undefined): void;
  /** The link is gone: what was asked over it may or may not have been done. */
  lost(): void;
  stateChanged(state: ConnectionState, previous: ConnectionState): void;
}

/** What a connection works with. */
export interface ConnectionDependencies {
  readonly transport: Transport;
  readonly route: Route;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly tokens: Tokens;
  readonly logger: Logger;
}
