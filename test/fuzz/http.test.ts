import assert from 'node:assert/strict';
import { LiveClient } from '../../client/index.ts';
import { seededRandom } from '../../common/random.ts';
import { HandEventSource } from '../helpers/event-source.ts';
import { assertGuarantees } from '../helpers/guarantees.ts';
import { Load, storedBy } from '../helpers/load.ts';
import { until } from '../helpers/poll.ts';
import { RunRecorder } from '../helpers/recorder.ts';
import { HttpInputs } from './http-inputs.ts';
import { FuzzRig, SECONDS, SEED, TEST_MS } from './rig.ts';

const KIB = 2 ** 10;
/** Of a room that is more than what sockets hold of it. */
const FULL = { messages: 128, payload: 'x'.repeat(64 * KIB) };

describe(`Isolated: a gateway that anything is sent to over HTTP, for ${SECONDS} s (LIVE_TEST_SEED=${SEED})`, function () {
  this.timeout(TEST_MS);
  let rig: FuzzRig;
  let client: LiveClient;
  let events: HandEventSource;
  let authorization: string;

  before(async () => {
    rig = await FuzzRig.start('--http', '127.0.0.1:0');
    authorization = `Bearer ${rig.token}`;
    client = new LiveClient({ endpoints: [`ws://${rig.http}`], token: () => Promise.resolve(rig.token) });
    for (let n = 0; n < FULL.messages; n++)
      await client.publish('full', { type: 'gift', payload: FULL.payload });
    await client.publish('tea', { type: 'gift', payload: 'the first' });
    const url = `http://${rig.http}/v1/rooms/tea/events?from=earliest`;
    events = new HandEventSource(url, { headers: { authorization } });
  });

  after(async () => {
    events.close();
    await client.close();
    await rig[Symbol.asyncDispose]();
  });

  it('neither ends nor stalls nor grows, and its viewers get each message once', async () => {
    const recorder = new RunRecorder();
    const recording = recorder.follow(client, 'tea', { join: { from: 'earliest' } });
    await until('the viewer is live', () => client.state.kind === 'live');
    await events.next('caught-up');
    const { cursor } = (await (await get('/v1/rooms/tea/messages')).json()) as { cursor: string };
    const load = new Load(recorder, { client, room: 'tea', sender: 'fuzz' });
    await until('something is stored', () => load.stored > 0);
    const before = await rig.counts();
    const inputs = new HttpInputs(seededRandom(SEED), { token: rig.token, cursor });
    await rig.attack(rig.http, () => inputs.next());
    await load.stop();
    assert.equal(client.counters.reconnects, 0);
    const stored = 1 + storedBy([load]);
    await until('the viewer by WebSocket has everything', () => recording.messages.length >= stored);
    await until('the viewer of events has everything', () => events.all('message').length >= stored);
    await rig.until(before);
    assertGuarantees(await recorder.finish(client));
    assert.equal(events.responses.length, 1);
    assert.deepEqual(
      events.all('message').map(({ data }) => data['seq']),
      recording.messages.map(({ seq }) => seq),
    );
    assert.equal((await get('/v1/rooms/tea')).status, 200);
  });

  const get = (path: string): Promise<Response> =>
    fetch(`http://${rig.http}${path}`, { headers: { authorization } });
});
