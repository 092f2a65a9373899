import { ROOM, Stage } from '../load/stage.ts';
import { startLiveGateway } from '../peers/live-gateway.ts';
import type { Case, Circumstances, Metric, Scenario } from '../scenario.ts';

const FILL_RATE = 20_000;

const sizeOf = ({ quick }: Circumstances): number => (quick ? 2_000 : 100_000);

/** Publishes so much that a viewer who begins at the oldest message has it all in front of it. */
async function fill(stage: Stage, messages: number): Promise<void> {
  await stage.publish(messages, messages / FILL_RATE);
  if ((await stage.deliveredShare()) < 1) throw new Error('the live viewer has not got everything');
}

async function replay(
  stage: Stage,
  room: string,
  messages: number,
): Promise<{ readonly rate: number; readonly seconds: number }> {
  const port = stage.running.subscribePort;
  const viewer = { peer: stage.peer.name, port, room, count: 1, kind: 'replay' as const };
  const seconds = await stage.subscribers.call('replay', { ...viewer, messages });
  return { rate: messages / seconds, seconds };
}

const fromMemory: Case = {
  title: 'from memory',
  async run(circumstances) {
    const messages = sizeOf(circumstances);
    await using stage = await Stage.set(circumstances, {
      history: messages + 1000,
    });
    await stage.open(1);
    await fill(stage, messages);
    return await replay(stage, ROOM, messages);
  },
};

const fromJetStream: Case = {
  title: 'from JetStream',
  async run(circumstances) {
    const messages = sizeOf(circumstances);
    await using stage = await Stage.around(circumstances, await startLiveGateway(circumstances));
    const rooms = [ROOM, `${ROOM}-2`] as const;
    for (const room of rooms) await stage.publish(messages, messages / FILL_RATE, room);
    // A new gateway has nothing in memory. Its first replay also waits for Node to compile what it runs.
    await stage.running.kill();
    await stage.running.restart();
    const first = await replay(stage, rooms[0], messages);
    return { ...(await replay(stage, rooms[1], messages)), first: first.rate };
  },
};

const METRICS: readonly Metric[] = [
  { key: 'rate', title: 'messages/s', digits: 0, better: 'more' },
  { key: 'seconds', title: 's', digits: 3 },
];

export const replayFromMemory: Scenario = {
  name: 'replay',
  question: 'How fast does one viewer get 100,000 messages that it has missed?',
  peers: ['live-gateway', 'nchan'],
  metrics: METRICS,
  cases: [fromMemory],
};

export const replayFromJetStream: Scenario = {
  name: 'replay-stored',
  question: 'The same from a gateway that was just started.',
  peers: ['live-gateway'],
  metrics: [...METRICS, { key: 'first', title: 'first of the process, messages/s', digits: 0 }],
  cases: [fromJetStream],
};
