import assert from 'node:assert/strict';
import { LiveClient } from '../../client/index.ts';
import { seededRandom } from '../../common/random.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load, storedBy } from '../helpers/load.ts';
import { until } from '../helpers/poll.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { GrpcInputs } from './grpc-inputs.ts';
import { FuzzRig, SECONDS, SEED, TEST_MS } from './rig.ts';

describe(`Isolated: a gateway that anything is sent to, for ${SECONDS} s (LIVE_TEST_SEED=${SEED})`, function () {
  this.timeout(TEST_MS);
  let rig: FuzzRig;
  let client: LiveClient;

  before(async () => {
    rig = await FuzzRig.start('--idle-timeout', '1s');
    client = new LiveClient({ endpoints: [rig.address], token: () => Promise.resolve(rig.token) });
  });

  after(async () => {
    await client.close();
    await rig[Symbol.asyncDispose]();
  });

  it('neither ends nor stalls nor grows, and its viewer gets each message once', async () => {
    const recorder = new RunRecorder();
    const recording = recorder.follow(client, 'tea');
    await until('the viewer is live', () => client.state.kind === 'live');
    const load = new Load(recorder, { client, room: 'tea', sender: 'fuzz' });
    await until('something is stored', () => load.stored > 0);
    const before = await rig.counts();
    const inputs = new GrpcInputs(seededRandom(SEED), rig.token);
    await rig.attack(rig.address, () => inputs.next());
    await load.stop();
    assert.equal(client.counters.reconnects, 0);
    await until('the viewer has everything', () => recording.messages.length >= storedBy([load]));
    await rig.until(before);
    assertGuarantees(await recorder.finish(client));
  });
});
