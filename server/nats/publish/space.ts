import type { JetStreamManager } from 'nats';
import { DiscardPolicy } from 'nats';

/** Whether `used` and `more` are beyond a limit; those of NATS are -1 or 0 when there is none. */
const exceeds = (used: number, more: number, limit: number): boolean => limit > 0 && used + more > limit;

/**
 * The limit, in words, that leaves no space for a message of `bytes` in the stream; undefined when there is none that NATS shows. It does
 * not show the limits of the server, nor the space on its disk.
 * @throws when JetStream cannot be asked
 */
export async function limitReached(
  jsm: JetStreamManager,
  stream: string,
  bytes: number,
): Promise<string | undefined> {
  const [{ config, state }, account] = await Promise.all([jsm.streams.info(stream), jsm.getAccountInfo()]);
  if (config.discard === DiscardPolicy.New) {
    if (exceeds(state.messages, 1, config.max_msgs)) return `max_msgs of the stream ${stream}`;
    if (exceeds(state.bytes, bytes, config.max_bytes)) return `max_bytes of the stream ${stream}`;
  }
  const tier = account.tiers?.[config.num_replicas > 1 ? 'R3' : 'R1'] ?? account;
  return exceeds(tier.storage, bytes, tier.limits.max_storage) ? 'max_storage of the account' : undefined;
}
