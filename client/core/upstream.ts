import type { UnknownValue, Unprefixed } from '../../protos/enum-names.ts';
import { unprefixed } from '../../protos/enum-names.ts';
import type { Heartbeat } from '../../protos/gen/live/v1/Heartbeat.ts';
import type { Upstream as WireUpstream } from '../../protos/gen/live/v1/Upstream.ts';
import type { UpstreamCause as WireCause } from '../../protos/gen/live/v1/UpstreamCause.ts';

/** Whether the gateway can prove what it says of rooms. One of a later version of the contract is like DEGRADED. */
export type Upstream = Unprefixed<'UPSTREAM', WireUpstream> | UnknownValue;

/** Why it cannot. One of a later version of the contract is for people to read. */
export type UpstreamCause = Unprefixed<'UPSTREAM_CAUSE', WireCause> | UnknownValue;

/** Whether the gateway can prove what it says, as it last said. */
export class UpstreamStatus {
  upstream: Upstream = 'UNSPECIFIED';
  /** The worst first. */
  causes: readonly UpstreamCause[] = [];

  /** There is no gateway: the next one may be better off. @returns whether that is something else */
  forget(): boolean {
    return this.#update('UNSPECIFIED', []);
  }

  /** Takes note of what a heartbeat says. @returns whether that is something else */
  heard({ upstream, causes }: Heartbeat): boolean {
    return this.#update(
      unprefixed('UPSTREAM', upstream),
      causes.map((cause) => unprefixed('UPSTREAM_CAUSE', cause)),
    );
  }

  #update(upstream: Upstream, causes: readonly UpstreamCause[]): boolean {
    if (upstream === this.upstream && causes.join() === this.causes.join()) return false;
    this.upstream = upstream;
    this.causes = causes;
    return true;
  }
}
