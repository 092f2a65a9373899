import { JetStreamError } from '../connection/jetstream-api.ts';
import type { JetStreamApi } from '../connection/jetstream-api.ts';
import type { StreamLeader } from '../stream/leader.ts';
import { consumerConfig } from './consumer-config.ts';
import { probeRoom } from '../probe-room.ts';

const CONSUMER_NOT_FOUND = 10014;

/**
 * Reads the stream in each of the ways in which a gateway does, from a room that has no messages.
 * @throws what stands in the way
 */
export async function probeReads(api: JetStreamApi, leader: StreamLeader): Promise<void> {
  const room = probeRoom();
  await leader.lastMessage(room);
  const config = consumerConfig(leader.subjects.room(room), { kind: 'seq', seq: 1 });
  await leader.withConsumer(config, () => api.pullNothing(leader.stream, config.name));
  await api.ask(`CONSUMER.DELETE.${leader.stream}.${config.name}`).catch((error: unknown) => {
    // It is gone already; what matters is whether that may be asked.
    if (!(error instanceof JetStreamError && error.code === CONSUMER_NOT_FOUND)) throw error;
  });
}
