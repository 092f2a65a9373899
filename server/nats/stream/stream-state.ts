import type { StreamInfo } from 'nats';
import type { StreamState } from '../../log/evidence.ts';

/** Identity of a stream. The time of creation tells a re-created stream from the one before. */
export function streamEpoch({ config, created }: StreamInfo): string {
  return epochOf(config.name, created);
}

/** The same, of a stream of which no more is known. */
export function epochOf(stream: string, created: string): string {
  return `${stream}@${created}`;
}

/** Identity and range of a stream. */
export function streamState(info: StreamInfo, formerly: readonly string[]): StreamState {
  const { created, state, cluster } = info;
  return {
    epoch: streamEpoch(info),
    formerly,
    predated: state.messages > 0 && Date.parse(state.first_ts) < Date.parse(created),
    firstSeq: Math.max(state.first_seq, 1),
    lastSeq: state.last_seq,
    lastTime: state.last_ts,
    leader: cluster?.leader,
    deleted: state.messages === 0 ? 0 : state.last_seq - state.first_seq + 1 - state.messages,
  };
}
