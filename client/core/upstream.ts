import type { UnknownValue, Unprefixed } from '../../protos/enum-names.ts';
import type { Upstream as WireUpstream } from '../../protos/gen/live/v1/Upstream.ts';
import type { UpstreamCause as WireCause } from '../../protos/gen/live/v1/UpstreamCause.ts';

/** Whether the gateway can prove what it says of rooms. One of a later version of the contract is like DEGRADED. */
export type Upstream = Unprefixed<'UPSTREAM', WireUpstream> | UnknownValue;

/** Why it cannot. One of a later version of the contract is for people to read. */
export type UpstreamCause = Unprefixed<'UPSTREAM_CAUSE', WireCause> | UnknownValue;
