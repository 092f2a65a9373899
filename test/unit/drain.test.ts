import assert from 'node:assert/strict';
import { seededRandom } from '../../common/random.ts';
import { Fleet } from '../../server/cluster/fleet.ts';
import { OPEN_TO_ALL } from '../../server/auth/authenticator.ts';
import { createLogger } from '../../server/observability/logging.ts';
import { Policies } from '../../server/policy/policies.ts';
import { PublishService } from '../../server/session/publish-service.ts';
import { Refusals } from '../../server/session/refusals.ts';
import { Sessions } from '../../server/session/sessions.ts';
import { NO_CAUSES } from '../../server/upstream/upstream-cause.ts';
import { CoreGateway } from '../helpers/core-gateway.ts';
import { HandCarrier } from '../helpers/hand-carrier.ts';
import { SESSION_LIMITS } from '../helpers/session-rig.ts';
import { StreamModel } from '../helpers/stream-model.ts';
import { unlimited } from '../helpers/unlimited.ts';

const VIEWERS = 1_000;
const WINDOW_MS = 10_000;
const STEP_MS = 1_000;

const SEED = Number(process.env['LIVE_TEST_SEED'] ?? Date.now() % 1_000_000);

describe(`Resumable: a gateway that drains (LIVE_TEST_SEED=${SEED})`, () => {
  it('sends its viewers away evenly over the window, each to come again after a pause of its own', async () => {
    const stream = new StreamModel();
    const gateway = new CoreGateway(stream);
    const { hub, scheduler, traffic, clock } = gateway;
    const logger = createLogger('silent');
    const nobody = { reliable: () => assert.fail('nothing is published'), ephemeral: () => undefined };
    const rates = unlimited(clock);
    const policies = new Policies();
    const sessions = new Sessions(
      {
        hub,
        scheduler,
        traffic,
        publishing: new PublishService(nobody, { maxPayload: 1_000, policies }, rates, clock),
        policies,
        rates,
        authenticator: OPEN_TO_ALL,
        clock,
        logger,
        refusals: new Refusals(logger),
        limits: SESSION_LIMITS,
        epoch: () => stream.epoch,
        upstreamCauses: () => NO_CAUSES,
      },
      60_000,
      new Fleet('LIVE'),
      seededRandom(SEED),
    );
    const carriers = Array.from({ length: VIEWERS }, () => new HandCarrier());
    for (const carrier of carriers) {
      sessions.open(carrier);
      carrier.receive({ hello: {} });
    }
    await gateway.settle();
    for (const carrier of carriers) carrier.takeKinds();
    const drained = sessions.drain(WINDOW_MS);
    const leaving: number[] = [];
    const pauses: number[] = [];
    for (let ms = 0; ms < WINDOW_MS; ms += STEP_MS) {
      clock.advance(STEP_MS);
      await gateway.settle();
      const told = carriers.flatMap(({ sent }) => sent.splice(0)).map(({ reconnect }) => reconnect);
      pauses.push(...told.flatMap((reconnect) => (reconnect ? [reconnect.afterMs] : [])));
      leaving.push(pauses.length - leaving.reduce((sum, count) => sum + count, 0));
    }
    assert.equal(pauses.length, VIEWERS, 'everybody is told, once');
    // Ten draws of a hundred each: seven standard deviations are 66.
    for (const count of leaving) assert.ok(count > 34 && count < 166, `${leaving.join(' ')} a second`);
    const early = pauses.filter((ms) => ms < 125).length;
    assert.ok(early > 390 && early < 610, `${early} of ${VIEWERS} come again within 125 ms`);
    assert.ok(pauses.every((ms) => ms >= 0 && ms < 250));
    for (const carrier of carriers) carrier.close();
    await drained;
    gateway.close();
  });
});
