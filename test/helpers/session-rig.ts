import assert from 'node:assert/strict';
import type { PublishRequestInput } from '../../protos/gen/live/v1/PublishRequest.ts';
import type { Clock } from '../../common/clock.ts';
import type { ServerFrame } from '../../protos/live.ts';
import type { Authenticator } from '../../server/auth/authenticator.ts';
import { OPEN_TO_ALL } from '../../server/auth/authenticator.ts';
import type { MessageContent } from '../../server/log/message.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { Policies } from '../../server/policy/policies.ts';
import { PublishService } from '../../server/session/publish-service.ts';
import { Refusals } from '../../server/session/refusals.ts';
import { StateFrames } from '../../server/session/state-frames.ts';
import { Welcomes } from '../../server/session/welcomes.ts';
import { Session } from '../../server/session/session.ts';
import type { PublishOutcome } from '../../server/upstream/publish-target.ts';
import { SharedFrames } from '../../server/session/shared-frames.ts';
import type { UpstreamCauses } from '../../server/upstream/upstream-cause.ts';
import { NO_CAUSES } from '../../server/upstream/upstream-cause.ts';
import { CoreGateway } from './core-gateway.ts';
import { HandCarrier } from './hand-carrier.ts';
import { StreamModel } from './stream-model.ts';
import type { UserRates } from '../../server/session/user-rates.ts';
import { unlimited } from './unlimited.ts';

export const SESSION_LIMITS = {
  rooms: 2,
  publishes: 2,
  heartbeatMs: 4_000,
  tokenGraceMs: 30_000,
  helloMs: 10_000,
};
/** From one sweep to the next, in milliseconds. */
const SWEEP_MS = 1_000;

/** A session of a gateway over a stream model, whose carrier is moved by hand. */
export class SessionRig implements AsyncDisposable {
  readonly stream = new StreamModel();
  readonly gateway = new CoreGateway(this.stream);
  readonly carrier = new HandCarrier();
  readonly session: Session;
  readonly policies = new Policies();
  readonly #rates: UserRates;
  readonly ended: Session[] = [];
  causes: UpstreamCauses = NO_CAUSES;
  /** Reliable messages that the session has published. */
  readonly published: MessageContent[] = [];
  /** Publishes that wait for their outcome. */
  readonly outcomes: ((outcome: PublishOutcome) => void)[] = [];

  /** @param authentication how viewers are asked who they are */
  constructor(authentication: (clock: Clock) => Authenticator = () => OPEN_TO_ALL) {
    const { hub, scheduler, traffic, clock } = this.gateway;
    const logger = createLogger('silent');
    const rates = (this.#rates = unlimited(clock, { join: 1 }));
    const publishing = new PublishService(
      {
        reliable: (_room, content) => {
          this.published.push(content);
          return new Promise((resolve) => this.outcomes.push(resolve));
        },
        ephemeral: () => undefined,
      },
      { maxPayload: 1_000, policies: this.policies },
      rates,
      clock,
    );
    const served = { limits: SESSION_LIMITS, publishing, epoch: () => this.stream.epoch };
    this.session = new Session(
      this.carrier,
      {
        hub,
        scheduler,
        rates,
        policies: this.policies,
        authenticator: authentication(clock),
        clock,
        logger,
        sampledLog: logger,
        refusals: new Refusals(logger),
        ...served,
        traffic,
        frames: new SharedFrames(),
        stateFrames: new StateFrames(),
        welcomes: new Welcomes(served),
        upstreamCauses: () => this.causes,
      },
      (session) => this.ended.push(session),
    );
  }

  async hello(): Promise<void> {
    this.carrier.receive({ hello: { client: 'test' } });
    await this.settle();
    assert.deepEqual(this.carrier.takeKinds(), ['welcome', 'heartbeat']);
  }

  /** Joins live, and takes what it is told. */
  async join(room: string): Promise<void> {
    this.carrier.receive({ join: { room, start: { live: {} } } });
    await this.settle();
    assert.deepEqual(this.carrier.takeKinds(), ['joined', 'caughtUp']);
  }

  publish(requestId: number, key: string): void {
    const request: PublishRequestInput = { room: 'r', type: 'gift', payload: Buffer.from('x'), key };
    this.carrier.receive({ publish: { requestId, request } });
  }

  sweep(): void {
    this.session.sweep(this.gateway.clock.monotonicMs(), SWEEP_MS);
  }

  /** What was sent since this was last asked. */
  async sent(): Promise<ServerFrame[]> {
    await this.settle();
    return this.carrier.sent.splice(0);
  }

  settle(): Promise<void> {
    return this.gateway.settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.carrier.close();
    this.gateway.close();
    this.#rates.close();
    await this.settle();
    assert.deepEqual(this.ended, [this.session], 'told once that it has ended');
    assert.equal(this.gateway.clock.pending, 0, 'timers left behind');
    assert.equal(this.stream.feeds, 0, 'feeds left behind');
  }
}
