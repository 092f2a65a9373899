import { VERSION } from '../../common/node/version.ts';
import { UPSTREAM_CAUSES } from '../upstream/upstream-cause.ts';
import type { MetricDeclaration } from './metric.ts';
import { each, single } from './metric.ts';

/** What only the primary knows: see {@link GATEWAY_METRICS}. */
export const WORKER_DEATHS = 'live_gateway_worker_deaths_total';

/** What the gateway is, what it has of NATS, and what it takes. */
export const GATEWAY_METRICS: readonly MetricDeclaration[] = [
  {
    name: 'live_gateway_build_info',
    type: 'gauge',
    help: 'Always 1: which version runs, on which Node.js.',
    labels: ['version', 'node'],
    together: 'max',
    samples: () => [{ labels: { version: VERSION, node: process.version }, value: 1 }],
  },
  {
    name: 'live_gateway_ready',
    type: 'gauge',
    help: 'Whether viewers should be sent here, as /readyz and the gRPC health of live.v1.Live say: 0 while it drains, or what it says of rooms cannot be proven. Of several workers, whether one is.',
    together: 'max',
    samples: ({ ready }) => single(ready ? 1 : 0),
  },
  {
    name: WORKER_DEATHS,
    type: 'counter',
    help: 'Workers that have ended by themselves and were replaced (--workers); the log says how. Their viewers resume.',
    // Who serves counts none: the primary does, where there is one.
    samples: () => single(0),
  },
  {
    name: 'live_gateway_nats_up',
    type: 'gauge',
    help: 'Whether there is a connection to NATS by which something comes. Of several workers, whether all have one.',
    together: 'min',
    samples: ({ natsUp }) => single(natsUp ? 1 : 0),
  },
  {
    name: 'live_gateway_upstream_degraded',
    type: 'gauge',
    help: 'What is wrong between the gateway and NATS: 1 while it is, at one of its workers at least.',
    labels: ['cause'],
    together: 'max',
    samples: ({ upstreamCauses }) =>
      UPSTREAM_CAUSES.map((cause) => ({
        labels: { cause },
        value: upstreamCauses.includes(cause) ? 1 : 0,
      })),
  },
  {
    name: 'live_gateway_upstream_degraded_total',
    type: 'counter',
    help: 'Times that it went wrong.',
    labels: ['cause'],
    samples: ({ upstreamCausesArisen }) => each('cause', upstreamCausesArisen),
  },
  {
    name: 'live_gateway_repairs_total',
    type: 'counter',
    help: 'Times that the feed of a room could not be proven and the stream was asked. Some with each reconnect to NATS; if they go on, the feed loses messages: a slow link, or a republish that is missing.',
    samples: ({ repairs }) => single(repairs),
  },
  {
    name: 'live_gateway_history_reads_total',
    type: 'counter',
    help: 'Pages of history asked of the stream.',
    samples: ({ historyReads }) => single(historyReads),
  },
  {
    name: 'live_gateway_history_read_duration_seconds',
    type: 'histogram',
    help: 'How long a page of history took to come: who resumes waits for it. Reads that failed are not in it.',
    samples: ({ historyReadSeconds }) => [{ observed: historyReadSeconds }],
  },
  {
    name: 'live_gateway_memory',
    type: 'gauge',
    help: 'Memory taken by messages, in bytes.',
    samples: ({ memory }) => single(memory),
  },
  {
    name: 'live_gateway_memory_limit_bytes',
    type: 'gauge',
    help: 'What live_gateway_memory is brought back to (--log-bytes). A gateway with much to do is often near to it; the oldest messages are then read from the stream.',
    samples: ({ memoryLimit }) => single(memoryLimit),
  },
  {
    name: 'live_gateway_receiving_bytes',
    type: 'gauge',
    help: 'Memory taken by frames and requests of clients that are not complete, in bytes (--receive-bytes).',
    samples: ({ receivingBytes }) => single(receivingBytes),
  },
  {
    name: 'live_gateway_descriptors_exhausted_total',
    type: 'counter',
    help: 'Times that no more files and sockets could be opened, and connections were closed as they came: raise the limit of open files.',
    samples: ({ descriptorsExhausted }) => single(descriptorsExhausted),
  },
  {
    name: 'live_gateway_tokens_verified_total',
    type: 'counter',
    help: 'Tokens that were verified, with whatever outcome.',
    samples: ({ tokensVerified }) => single(tokensVerified),
  },
  {
    name: 'live_gateway_token_verification_seconds_total',
    type: 'counter',
    help: 'Time that verifying tokens took altogether.',
    samples: ({ tokenVerificationSeconds }) => single(tokenVerificationSeconds),
  },
  {
    name: 'live_gateway_keys_age_seconds',
    type: 'gauge',
    help: 'How long ago the keys at --jwks-url were confirmed; those that are known serve on. Absent without --jwks-url.',
    together: 'max',
    samples: ({ keysAgeSeconds }) => single(keysAgeSeconds),
  },
  {
    name: 'live_gateway_bans_age_seconds',
    type: 'gauge',
    help: 'How long ago the bucket of bans and revoked tokens was read; those that are known count on. Absent where nobody is asked for a token.',
    together: 'max',
    samples: ({ bansAgeSeconds }) => single(bansAgeSeconds),
  },
  {
    name: 'live_gateway_certificate_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When the TLS certificate that viewers are shown expires, since the Unix epoch: renew it before. Absent without TLS.',
    // All workers have the same one; in a moment of change the one that expires first counts.
    together: 'min',
    samples: ({ certificateExpiryMs }) =>
      single(certificateExpiryMs === undefined ? undefined : certificateExpiryMs / 1_000),
  },
];
