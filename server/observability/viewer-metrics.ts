import type { MetricDeclaration } from './metric.ts';
import { each, single } from './metric.ts';

/** Who is there, how they came, and how they went. */
export const VIEWER_METRICS: readonly MetricDeclaration[] = [
  {
    name: 'live_gateway_sessions',
    type: 'gauge',
    help: 'Streams of viewers open now, by what carries them and how far they have come: awaiting-hello, open, leaving, or over (ended, but what was written has not gone out).',
    labels: ['transport', 'state'],
    samples: ({ sessionKinds }) =>
      sessionKinds.map(({ transport, phase: state, count }) => ({
        labels: { transport, state },
        value: count,
      })),
  },
  {
    name: 'live_gateway_connections',
    type: 'gauge',
    help: 'TCP connections open now.',
    samples: ({ connections }) => single(connections),
  },
  {
    name: 'live_gateway_rooms',
    type: 'gauge',
    help: 'Rooms open now, those included that are kept for half a minute after their last viewer.',
    samples: ({ rooms }) => single(rooms),
  },
  {
    name: 'live_gateway_viewers',
    type: 'gauge',
    help: 'Viewers in rooms now: a stream that has joined two rooms counts twice. Those that are not lagging are live.',
    samples: ({ viewers }) => single(viewers),
  },
  {
    name: 'live_gateway_lagging',
    type: 'gauge',
    help: "Viewers that have not been handed everything up to their room's head. Many for long: the gateway, or their network, does not keep up.",
    samples: ({ lagging }) => single(lagging),
  },
  {
    name: 'live_gateway_unacknowledged',
    type: 'gauge',
    help: 'Viewers whose application has not confirmed everything that they were handed.',
    samples: ({ unacknowledged }) => single(unacknowledged),
  },
  {
    name: 'live_gateway_joins_total',
    type: 'counter',
    help: 'Joins of rooms by how they began: started (without a cursor), resumed (nothing was missed), gap or reset (the cursor could not be resumed as it was). Refused ones are in live_gateway_refused_total.',
    labels: ['outcome'],
    samples: ({ joins }) =>
      each(
        'outcome',
        new Map(Object.entries(joins).map(([outcome, count]) => [outcome.toLowerCase(), count])),
      ),
  },
  {
    name: 'live_gateway_gaps_total',
    type: 'counter',
    help: 'Gaps announced to viewers: they came back for what the stream no longer holds. Raise --max-age or --max-bytes if they were not away for long.',
    samples: ({ gaps }) => single(gaps),
  },
  {
    name: 'live_gateway_resets_total',
    type: 'counter',
    help: 'Resets announced to viewers: the stream was created anew, or rewound. Never by itself: somebody did it, or NATS was restored from a backup.',
    samples: ({ resets }) => single(resets),
  },
  {
    name: 'live_gateway_go_aways_total',
    type: 'counter',
    help: 'Streams of viewers that were asked to go elsewhere, by why: draining, or rebalancing.',
    labels: ['reason'],
    samples: ({ goAways }) =>
      each('reason', new Map([...goAways].map(([reason, count]) => [reason.toLowerCase(), count]))),
  },
  {
    name: 'live_gateway_sessions_moved_total',
    type: 'counter',
    help: 'Streams of viewers that were sent to gateways with fewer.',
    samples: ({ sessionsMoved }) => single(sessionsMoved),
  },
  {
    name: 'live_gateway_slow_consumers_total',
    type: 'counter',
    help: 'Viewers cut off because they took nothing for --slow-consumer-timeout, by what was ended: their stream, or the whole connection.',
    labels: ['ended'],
    samples: ({ slowConsumers: { streams, connections } }) => [
      { labels: { ended: 'stream' }, value: streams },
      { labels: { ended: 'connection' }, value: connections },
    ],
  },
  {
    name: 'live_gateway_refused_total',
    type: 'counter',
    help: 'Connections, calls, joins, publishes and frames that were refused, by the reason that was given. docs/protocol.md says what each means.',
    labels: ['reason'],
    samples: ({ refused }) => each('reason', refused),
  },
];
