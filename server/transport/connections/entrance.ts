import type { Clock } from '../../../common/clock.ts';
import type { Random } from '../../../common/random.ts';
import type { Network } from '../../../common/node/network.ts';
import type { Logger } from '../../observability/logging.ts';
import { sampledLog } from '../../observability/sampled-log.ts';
import type { Refusals } from '../../session/refusals.ts';
import type { AdmissionLimits } from './admission.ts';
import { Admission } from './admission.ts';
import { ConnectionRefusals } from './connection-refusals.ts';
import { Intake, settled } from './intake.ts';
import { Origins } from './origins.ts';
import { Probation } from './probation.ts';
import { ProxyProtocol } from './proxy-protocol.ts';
import type { ReceivingLimits } from './receiving.ts';
import { Receiving } from './receiving.ts';
import type { Reception } from './reception.ts';
import { RefusalPace } from './refusal-pace.ts';

/** What is believed of where viewers come from. */
export interface ProxySettings {
  /** Whose word is taken. */
  readonly trusted: readonly Network[];
  /** Whether their connections begin with a header of the PROXY protocol. */
  readonly protocol: boolean;
}

/** Limits that may change while connections come. */
export interface EntranceLimits {
  readonly admission: AdmissionLimits;
  /** Of an address on probation, so many are served in a second. */
  readonly suspects: number;
  /** Refused calls of an address that are answered at once, in a second. */
  readonly refusals: number;
}

/** What connections and what comes by them may take, whatever port they come to. */
export interface EntranceSettings extends EntranceLimits {
  readonly proxies: ProxySettings;
  readonly receiving: ReceivingLimits;
}

/** What the entrance depends on. */
export interface EntranceDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly refusals: Refusals;
  /** Whether there is something to be written to viewers now: it comes before what clients ask for. */
  readonly viewersWait: () => boolean;
}

/** What all listeners of a gateway share: their limits hold for all of them together. */
export interface Entrance {
  readonly reception: Reception;
  readonly origins: Origins;
  readonly receiving: Receiving;
  readonly intake: Intake;
  readonly refusals: ConnectionRefusals;
  readonly refusalPace: RefusalPace;
  /** Says in the log that a connection could not be accepted. */
  readonly failed: (error: Error) => void;
  /** Other limits hold from now on. */
  limit(limits: EntranceLimits): void;
  close(): void;
}

/** Opens what the listeners of a gateway share. */
export function openEntrance(
  { clock, random, logger, refusals, viewersWait }: EntranceDependencies,
  {
    admission: admissionLimits,
    suspects,
    refusals: refusalRate,
    proxies,
    receiving: limits,
  }: EntranceSettings,
): Entrance {
  const log = sampledLog(logger, clock);
  const origins = new Origins(proxies.trusted);
  const connectionRefusals = new ConnectionRefusals(refusals, log);
  const admission = new Admission(admissionLimits, connectionRefusals);
  const probation = new Probation(clock, suspects);
  const proxyProtocol = proxies.protocol ? new ProxyProtocol(origins, clock, logger) : undefined;
  const refusalPace = new RefusalPace(clock, random, refusalRate);
  const receiving = new Receiving(clock, limits, refusals);
  return {
    reception: {
      origins,
      admission,
      probation,
      proxyProtocol,
    },
    origins,
    receiving,
    intake: new Intake({
      nowMs: () => clock.monotonicMs(),
      defer: setImmediate,
      settled,
      viewersWait,
    }),
    refusals: connectionRefusals,
    refusalPace,
    failed: (error) => log.info({ err: error }, 'a connection could not be accepted'),
    limit(changed) {
      admission.limit(changed.admission);
      probation.limit(changed.suspects);
      refusalPace.limit(changed.refusals);
    },
    close() {
      receiving.close();
      probation.close();
      refusalPace.close();
      proxyProtocol?.close();
      log.close();
    },
  };
}
