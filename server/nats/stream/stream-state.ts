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

/** The metadata by which an operator says which stream a mirror copied that has taken its place: an epoch, as cursors carry it. */
export const SUCCEEDS = 'live-gateway.succeeds';

/** The stream that this one has taken the place of; a cursor of that is judged by the messages, like one of its own. */
function succeeded({ config }: StreamInfo): readonly string[] {
  const epoch = config.metadata?.[SUCCEEDS];
  return epoch === undefined ? [] : [epoch];
}

/** Identity and range of a stream. */
export function streamState(info: StreamInfo, formerly: readonly string[]): StreamState {
  const { created, state, cluster } = info;
  return {
    epoch: streamEpoch(info),
    formerly: [...succeeded(info), ...formerly],
    predated: state.messages > 0 && Date.parse(state.first_ts) < Date.parse(created),
    firstSeq: Math.max(state.first_seq, 1),
    lastSeq: state.last_seq,
    lastTime: state.last_ts,
    leader: cluster?.leader,
    deleted: state.messages === 0 ? 0 : state.last_seq - state.first_seq + 1 - state.messages,
  };
}
