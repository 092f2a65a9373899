import type { MetricDeclaration, Sample } from './metric.ts';
import { single } from './metric.ts';
import type { DeliveredStat } from './stats.ts';

/** What viewers got, what they did not get, and how long it took. */
export const DELIVERY_METRICS: readonly MetricDeclaration[] = [
  {
    name: 'live_gateway_delivered_messages_total',
    type: 'counter',
    help: 'Messages handed to viewers, each once for each of them.',
    labels: ['class', 'transport'],
    samples: ({ delivered }) => byClassAndTransport(delivered, 'messages'),
  },
  {
    name: 'live_gateway_delivered_bytes_total',
    type: 'counter',
    help: 'Bytes of these messages as they are encoded, before compression: live_gateway_compression_saved_bytes_total is what that saved.',
    labels: ['class', 'transport'],
    samples: ({ delivered }) => byClassAndTransport(delivered, 'bytes'),
  },
  {
    name: 'live_gateway_compression_saved_bytes_total',
    type: 'counter',
    help: 'Bytes that compression kept from being sent.',
    samples: ({ compressionSavedBytes }) => single(compressionSavedBytes),
  },
  {
    name: 'live_gateway_delivery_latency_seconds',
    type: 'histogram',
    help: "From when JetStream stored a reliable message to when a live viewer was handed it, for each viewer; of several in one frame the oldest counts. By two clocks, NATS' and this machine's: keep them in step. NATS before 2.10 does not say when, and the time counts from the gateway.",
    samples: ({ deliverySeconds }) => [{ observed: deliverySeconds }],
  },
  {
    name: 'live_gateway_fanout_pass_seconds',
    type: 'histogram',
    help: 'How long it took until everybody that waited to be written to when a pass began had had a turn. It grows with the viewers of a room, and when the CPU is short.',
    samples: ({ passSeconds }) => [{ observed: passSeconds }],
  },
  {
    name: 'live_gateway_event_loop_lag_seconds',
    type: 'histogram',
    help: 'How late timers are: for so long nobody got a turn. Beyond 100 ms the process has more to do than a core can.',
    samples: ({ eventLoopLagSeconds }) => [{ observed: eventLoopLagSeconds }],
  },
  {
    name: 'live_gateway_ephemeral_dropped_total',
    type: 'counter',
    help: 'Ephemeral messages that viewers were told they missed, each once for each of them, by why: rate (beyond --ephemeral-rate of the room), or late (some had gone before the viewer could take them).',
    labels: ['reason'],
    samples: ({ ephemeralOverRate, ephemeralLate }) => [
      { labels: { reason: 'rate' }, value: ephemeralOverRate },
      { labels: { reason: 'late' }, value: ephemeralLate },
    ],
  },
  {
    name: 'live_gateway_ephemeral_sampled_out_total',
    type: 'counter',
    help: 'Ephemeral messages beyond the budgets of their rooms (--ephemeral-rate), which no viewer got; each counts once.',
    samples: ({ ephemeralSampledOut }) => single(ephemeralSampledOut),
  },
  {
    name: 'live_gateway_publishes_total',
    type: 'counter',
    help: 'Publishes by viewers, by what became of them: stored, duplicate (it was stored before), sent (ephemeral, stored nowhere), refused (see live_gateway_refused_total), or unknown (NATS did not say; the publisher tries again with the same key).',
    labels: ['class', 'result'],
    samples: ({ publishes }) =>
      publishes.map(({ deliveryClass, result, count }) => ({
        labels: { class: deliveryClass.toLowerCase(), result },
        value: count,
      })),
  },
  {
    name: 'live_gateway_publish_duration_seconds',
    type: 'histogram',
    help: 'How long reliable publishes waited for what NATS said of them, whatever that was.',
    samples: ({ publishSeconds }) => [{ observed: publishSeconds }],
  },
];

/** A transport has one count for each form in which batches are sent by it. */
function byClassAndTransport(
  delivered: readonly DeliveredStat[],
  what: 'messages' | 'bytes',
): readonly Sample[] {
  const transports = new Set(delivered.map(({ transport }) => transport));
  return [...transports].flatMap((transport) =>
    (['reliable', 'ephemeral'] as const).map((kind) => ({
      labels: { class: kind, transport },
      value: delivered
        .filter((other) => other.transport === transport)
        .reduce((sum, { [kind]: counts }) => sum + counts[what], 0),
    })),
  );
}
