import { setTimeout as delay } from 'node:timers/promises';
import { LiveClient } from '../../client/index.ts';
import type { ChatLine } from '../load/chat.ts';
import { playChat, readChat } from '../load/chat.ts';
import { ROOM, Stage } from '../load/stage.ts';
import { cpuSeconds } from '../measure/processes.ts';
import type { Case, Circumstances, Scenario } from '../scenario.ts';

const VIEWERS = 200;
const SECONDS = 20;
const QUIET_MS = 500;

/** What a run of the chat cost. */
interface Cost {
  /** Bytes that a viewer received, TCP payload, for each message. */
  readonly bytes: number;
  /** CPU seconds of the servers for a million deliveries. */
  readonly cpu: number;
}

async function costOf(
  circumstances: Circumstances,
  kind: 'live' | 'compressed',
  lines: readonly ChatLine[],
  speed: number,
): Promise<Cost> {
  await using stage = await Stage.set(circumstances);
  const { subscribers, running, peer } = stage;
  const count = circumstances.quick ? 10 : VIEWERS;
  await subscribers.call('open', { peer: peer.name, port: running.subscribePort, room: ROOM, count, kind });
  const publisher = new LiveClient({ endpoints: [`127.0.0.1:${running.subscribePort}`] });
  try {
    await publisher.publish(ROOM, { type: 'comment', payload: 'first' });
    const before = { bytes: await subscribers.call('bytes', undefined), cpu: cpuSeconds(running.pids) };
    const results: Promise<unknown>[] = [];
    await playChat(lines, speed, ({ type, sender, payload }) => {
      results.push(publisher.publish(ROOM, { type, sender, payload }));
    });
    await Promise.all(results);
    await delay(QUIET_MS);
    const bytes = (await subscribers.call('bytes', undefined)) - before.bytes;
    const deliveries = lines.length * count;
    return { bytes: bytes / deliveries, cpu: ((cpuSeconds(running.pids) - before.cpu) / deliveries) * 1e6 };
  } finally {
    await publisher.close();
  }
}

const chatCase = (title: string, speed: number): Case => ({
  title,
  async run(circumstances) {
    const all = await readChat(circumstances.chat as string);
    const spanMs = (circumstances.quick ? 1 : SECONDS) * 1000 * speed;
    const lines = all.filter(({ atMs }) => atMs - (all[0] as ChatLine).atMs < spanMs);
    const plain = await costOf(circumstances, 'live', lines, speed);
    const deflated = await costOf(circumstances, 'compressed', lines, speed);
    return {
      saved: (1 - deflated.bytes / plain.bytes) * 100,
      plainBytes: plain.bytes,
      deflatedBytes: deflated.bytes,
      plainCpu: plain.cpu,
      deflatedCpu: deflated.cpu,
      messages: lines.length,
    };
  },
});

export const chat: Scenario = {
  name: 'chat',
  question: `What does compression save on recorded chat, for each of ${VIEWERS} viewers?`,
  needs: 'chat',
  peers: ['live-gateway'],
  metrics: [
    { key: 'saved', title: 'saved %', digits: 1 },
    { key: 'plainBytes', title: 'bytes a message, plain', digits: 1 },
    { key: 'deflatedBytes', title: 'compressed', digits: 1 },
    { key: 'plainCpu', title: 'CPU s per million, plain', digits: 2 },
    { key: 'deflatedCpu', title: 'compressed', digits: 2 },
    { key: 'messages', title: 'messages', digits: 0 },
  ],
  cases: [chatCase('as recorded', 1), chatCase('10 times as fast', 10), chatCase('100 times', 100)],
};
