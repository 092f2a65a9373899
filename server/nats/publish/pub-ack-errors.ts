import type { Refusal } from '../../upstream/publish-target.ts';

/** An error that JetStream answers a publish with (JetStream wire API, "PubAck"). */
export interface PubAckError {
  readonly err_code?: number;
  readonly description?: string;
}

/** What an error says of the message that it answers: it was certainly not stored, or it may be stored all the same. */
export type Verdict = Refusal | 'unknown';

/**
 * Every error with which a stream of nats-server 2.9 to 2.15 answers a publish, from the places in its `stream.go`,
 * `jetstream_cluster.go` and `jetstream_batching.go` that send one. All but the two that are unknown are told before anything is
 * stored or proposed to the replicas.
 */
const VERDICTS: ReadonlyMap<number, Verdict> = new Map<number, Verdict>([
  // No space, for the account or the server.
  [10002, 'full'], // resource limits exceeded for account
  [10023, 'full'], // insufficient resources: the server's limits
  [10028, 'full'], // insufficient memory resources available
  [10047, 'full'], // insufficient storage resources available
  [10120, 'full'], // no JetStream default or applicable tiered limit present
  // Later, or elsewhere.
  [10008, 'unready'], // JetStream system temporarily unavailable
  [10009, 'unready'], // JetStream cluster can not handle request: not the leader
  [10163, 'unready'], // 2.11: expected last sequence per subject temporarily unavailable
  [10167, 'unready'], // 2.11: too many requests: more wait for the stream than it takes
  // The replicas have been asked already, or another publish with the same id is under way.
  [10063, 'unknown'], // expected stream sequence does not match: the leader has lost its place
  [10158, 'unknown'], // 2.11: duplicate message id is in process
  // The stream is not one for messages of rooms.
  [10109, 'unfit'], // invalid operation on sealed stream
  [10169, 'unfit'], // 2.12: message counter increment is missing
  [10172, 'unfit'], // 2.12: message counter is broken
  // This message.
  [10054, 'rejected'], // message size exceeds maximum allowed
  [10060, 'rejected'], // expected stream does not match
  [10070, 'rejected'], // wrong last msg ID
  [10071, 'rejected'], // wrong last sequence
  [10097, 'rejected'], // header size exceeds maximum allowed of 64k
  [10111, 'rejected'], // rollup is not permitted, or its value invalid
  [10164, 'rejected'], // 2.11: wrong last sequence
  [10165, 'rejected'], // 2.11: invalid per-message TTL
  [10166, 'rejected'], // 2.11: per-message TTL is disabled
  [10168, 'rejected'], // 2.12: message counters is disabled
  [10170, 'rejected'], // 2.12: message counter has payload
  [10171, 'rejected'], // 2.12: message counter increment is invalid
  [10174, 'rejected'], // 2.12: atomic publish is disabled
  [10175, 'rejected'], // 2.12: atomic publish sequence is missing
  [10176, 'rejected'], // 2.12: atomic publish batch is incomplete
  [10177, 'rejected'], // 2.12: atomic publish unsupported header used
  [10179, 'rejected'], // 2.12: atomic publish batch ID is invalid
  [10188, 'rejected'], // 2.12: message schedules is disabled
  [10189, 'rejected'], // 2.12: message schedules pattern is invalid
  [10190, 'rejected'], // 2.12: message schedules target is invalid
  [10191, 'rejected'], // 2.12: message schedules invalid per-message TTL
  [10192, 'rejected'], // 2.12: message schedules invalid rollup
  [10193, 'rejected'], // 2.12: missing sequence for expected last sequence per subject
  [10199, 'rejected'], // 2.12: atomic publish batch is too large
  [10200, 'rejected'], // 2.12: atomic publish batch commit is invalid
  [10201, 'rejected'], // 2.12: atomic publish batch contains duplicate message id
  [10203, 'rejected'], // 2.14: message schedules source is invalid
  [10205, 'rejected'], // 2.14: batch publish is disabled
  [10206, 'rejected'], // 2.14: batch publish pattern is invalid
  [10207, 'rejected'], // 2.14: batch publish ID is invalid
  [10208, 'rejected'], // 2.14: batch publish ID unknown
  [10210, 'unready'], // 2.14: atomic publish too many inflight
  [10211, 'unready'], // 2.14: batch publish too many inflight
  [10212, 'rejected'], // 2.14: message schedules invalid scheduler
  [10223, 'rejected'], // 2.14: message schedules time zone is invalid
  [10227, 'rejected'], // 2.15: message stream source header is not allowed
]);

/** The store failed. What it means depends on the text, which is all that says how. */
const STORE_FAILED = 10077;

/** What stores say when they have not begun to write. Whatever else goes wrong there, other replicas may have stored it. */
const STORE_VERDICTS: ReadonlyMap<string, Verdict> = new Map<string, Verdict>([
  ['maximum messages exceeded', 'full'],
  ['maximum bytes exceeded', 'full'],
  ['maximum messages per subject exceeded', 'full'],
  ['message to large', 'rejected'],
  ['message too large', 'rejected'],
]);

/** What an error of JetStream says of the message that it answers. Of those of later servers nothing is known. */
export function verdictOn({ err_code = 0, description = '' }: PubAckError): Verdict {
  const verdict = err_code === STORE_FAILED ? STORE_VERDICTS.get(description) : VERDICTS.get(err_code);
  return verdict ?? 'unknown';
}
