/** A line of a panel, or more: what Prometheus is asked, and how they are called. */
export interface Query {
  readonly expr: string;
  readonly legend: string;
}

/** What is shown of a gateway, in one picture. */
export interface PanelPlan {
  readonly title: string;
  /** What to make of it. */
  readonly text: string;
  /** Of Grafana. */
  readonly unit: string;
  readonly kind?: 'stat' | 'stacked';
  readonly queries: readonly Query[];
}

/** Panels that belong together, under one heading. */
export interface RowPlan {
  readonly title: string;
  readonly panels: readonly PanelPlan[];
}

const OF = '{job="live-gateway", instance=~"$instance"}';

const line = (expr: string, legend: string): Query => ({ expr, legend });
const sum = (metric: string, by: string, selector = OF): Query =>
  line(`sum by (${by}) (live_gateway_${metric}${selector})`, `{{${by.split(', ').join('}} {{')}}}`);
const rate = (metric: string, by: string, selector = OF): Query =>
  line(
    `sum by (${by}) (rate(live_gateway_${metric}${selector}[$__rate_interval]))`,
    `{{${by.split(', ').join('}} {{')}}}`,
  );
const quantiles = (metric: string): readonly Query[] =>
  ([0.5, 0.9, 0.99] as const).map((share) =>
    line(
      `histogram_quantile(${share}, sum by (le) (rate(live_gateway_${metric}_bucket${OF}[$__rate_interval])))`,
      `${100 * share} %`,
    ),
  );

/** The dashboard, from what whoever is called at night looks at first to what explains it. */
export const ROWS: readonly RowPlan[] = [
  {
    title: 'Is it well?',
    panels: [
      {
        title: 'Ready',
        text: 'Gateways that take viewers.',
        unit: 'short',
        kind: 'stat',
        queries: [line(`sum(live_gateway_ready${OF})`, 'ready')],
      },
      {
        title: 'NATS',
        text: 'Gateways with a connection to NATS.',
        unit: 'short',
        kind: 'stat',
        queries: [line(`sum(live_gateway_nats_up${OF})`, 'connected')],
      },
      {
        title: 'Viewers',
        text: 'Viewers in rooms, over all gateways.',
        unit: 'short',
        kind: 'stat',
        queries: [line(`sum(live_gateway_viewers${OF})`, 'viewers')],
      },
      {
        title: 'Version',
        text: 'Which versions run; two in a rollout.',
        unit: 'short',
        kind: 'stat',
        queries: [sum('build_info', 'version')],
      },
      {
        title: 'Alerts',
        text: 'Alerts of live-gateway.rules.yaml that fire.',
        unit: 'short',
        kind: 'stat',
        queries: [
          line('count(ALERTS{alertname=~"LiveGateway.*", alertstate="firing"}) or vector(0)', 'firing'),
        ],
      },
      {
        title: 'What is wrong with NATS',
        text: 'By cause; live_gateway_upstream_degraded.',
        unit: 'short',
        kind: 'stacked',
        queries: [line(`max by (cause) (live_gateway_upstream_degraded${OF})`, '{{cause}}')],
      },
    ],
  },
  {
    title: 'What viewers get',
    panels: [
      {
        title: 'From JetStream to the viewer',
        text: 'From when a reliable message was stored to when a live viewer was handed it.',
        unit: 's',
        queries: quantiles('delivery_latency_seconds'),
      },
      {
        title: 'Messages delivered',
        text: 'Each once for each viewer.',
        unit: 'cps',
        kind: 'stacked',
        queries: [rate('delivered_messages_total', 'class, transport')],
      },
      {
        title: 'Bytes delivered',
        text: 'As encoded, before compression; and what that saves.',
        unit: 'Bps',
        queries: [
          rate('delivered_bytes_total', 'class, transport'),
          line(
            `sum(rate(live_gateway_compression_saved_bytes_total${OF}[$__rate_interval]))`,
            'saved by compression',
          ),
        ],
      },
      {
        title: 'Gaps and resets',
        text: 'Announced to viewers: what they miss for good.',
        unit: 'cps',
        queries: [
          line(`sum(rate(live_gateway_gaps_total${OF}[$__rate_interval]))`, 'gaps'),
          line(`sum(rate(live_gateway_resets_total${OF}[$__rate_interval]))`, 'resets'),
        ],
      },
      {
        title: 'Ephemeral messages missed',
        text: 'As viewers were told, by why; and those that no viewer of a room got, each once.',
        unit: 'cps',
        queries: [
          rate('ephemeral_dropped_total', 'reason'),
          line(`sum(rate(live_gateway_ephemeral_sampled_out_total${OF}[$__rate_interval]))`, 'sampled out'),
        ],
      },
      {
        title: 'Viewers that are behind',
        text: 'Of all, and those whose application is.',
        unit: 'short',
        queries: [
          sum('viewers', 'job'),
          line(`sum(live_gateway_lagging${OF})`, 'lagging'),
          line(`sum(live_gateway_unacknowledged${OF})`, 'unacknowledged'),
        ],
      },
    ],
  },
  {
    title: 'Who comes and goes',
    panels: [
      {
        title: 'Sessions',
        text: 'Streams of viewers, by transport and state.',
        unit: 'short',
        kind: 'stacked',
        queries: [sum('sessions', 'transport, state')],
      },
      {
        title: 'Joins',
        text: 'By how they began.',
        unit: 'cps',
        kind: 'stacked',
        queries: [rate('joins_total', 'outcome')],
      },
      {
        title: 'Connections and rooms',
        text: 'Open now.',
        unit: 'short',
        queries: [
          line(`sum(live_gateway_connections${OF})`, 'connections'),
          line(`sum(live_gateway_rooms${OF})`, 'rooms'),
        ],
      },
      {
        title: 'Refused',
        text: 'By reason: see docs/protocol.md.',
        unit: 'cps',
        queries: [rate('refused_total', 'reason')],
      },
      {
        title: 'Sent away and cut off',
        text: 'Asked to go elsewhere, and slow consumers.',
        unit: 'cps',
        queries: [
          rate('go_aways_total', 'reason'),
          line(
            `sum by (ended) (rate(live_gateway_slow_consumers_total${OF}[$__rate_interval]))`,
            'slow consumers: {{ended}}',
          ),
          line(`sum(rate(live_gateway_sessions_moved_total${OF}[$__rate_interval]))`, 'moved'),
        ],
      },
      {
        title: 'Tokens',
        text: 'Verified; and how old keys and bans are that are known.',
        unit: 'short',
        queries: [
          line(`sum(rate(live_gateway_tokens_verified_total${OF}[$__rate_interval]))`, 'verified a second'),
          line(
            `sum(rate(live_gateway_token_verification_seconds_total${OF}[$__rate_interval]))`,
            'seconds a second',
          ),
          line(`max(live_gateway_bans_age_seconds${OF})`, 'age of bans, s'),
          line(`max(live_gateway_keys_age_seconds${OF})`, 'age of keys, s'),
        ],
      },
    ],
  },
  {
    title: 'Publishes and the stream',
    panels: [
      {
        title: 'Publishes',
        text: 'By class and result.',
        unit: 'cps',
        kind: 'stacked',
        queries: [rate('publishes_total', 'class, result')],
      },
      {
        title: 'Until NATS acknowledges',
        text: 'Of reliable publishes.',
        unit: 's',
        queries: quantiles('publish_duration_seconds'),
      },
      {
        title: 'History',
        text: 'Pages read, and repairs of rooms.',
        unit: 'cps',
        queries: [
          line(`sum(rate(live_gateway_history_reads_total${OF}[$__rate_interval]))`, 'reads'),
          line(`sum(rate(live_gateway_repairs_total${OF}[$__rate_interval]))`, 'repairs'),
        ],
      },
      {
        title: 'Until a page of history has come',
        text: 'Who resumes waits for it.',
        unit: 's',
        queries: quantiles('history_read_duration_seconds'),
      },
      {
        title: 'Workers that died',
        text: 'And were replaced, in the last hour; the log says how they ended.',
        unit: 'short',
        queries: [
          line(`sum by (instance) (increase(live_gateway_worker_deaths_total${OF}[1h]))`, '{{instance}}'),
        ],
      },
      {
        title: 'Trouble with NATS',
        text: 'How often each has arisen in the last hour.',
        unit: 'short',
        queries: [
          line(`sum by (cause) (increase(live_gateway_upstream_degraded_total${OF}[1h]))`, '{{cause}}'),
        ],
      },
    ],
  },
  {
    title: 'What it takes',
    panels: [
      {
        title: 'CPU',
        text: 'Of a process; one process uses one core.',
        unit: 'percentunit',
        queries: [
          line(`sum by (instance) (rate(process_cpu_seconds_total${OF}[$__rate_interval]))`, '{{instance}}'),
        ],
      },
      {
        title: 'Event-loop lag',
        text: 'How late timers are: for so long nobody got a turn.',
        unit: 's',
        queries: quantiles('event_loop_lag_seconds'),
      },
      {
        title: 'Fan-out passes',
        text: 'Until everybody that waited had been written to.',
        unit: 's',
        queries: quantiles('fanout_pass_seconds'),
      },
      {
        title: 'Memory of messages',
        text: 'Against --log-bytes; and what clients have not sent completely.',
        unit: 'bytes',
        queries: [
          line(`sum by (instance) (live_gateway_memory${OF})`, '{{instance}}'),
          line(`sum by (instance) (live_gateway_memory_limit_bytes${OF})`, '{{instance}}: limit'),
          line(`sum by (instance) (live_gateway_receiving_bytes${OF})`, '{{instance}}: being received'),
        ],
      },
      {
        title: 'Memory of the process',
        text: 'As the system counts it.',
        unit: 'bytes',
        queries: [
          line(`sum by (instance) (process_resident_memory_bytes${OF})`, '{{instance}}'),
          line(`sum by (instance) (nodejs_heap_size_used_bytes${OF})`, '{{instance}}: heap'),
        ],
      },
      {
        title: 'Files and sockets',
        text: 'Open, and allowed; and how often there were no more.',
        unit: 'short',
        queries: [
          line(`sum by (instance) (process_open_fds${OF})`, '{{instance}}'),
          line(`min by (instance) (process_max_fds${OF})`, '{{instance}}: limit'),
          line(`sum(increase(live_gateway_descriptors_exhausted_total${OF}[$__rate_interval]))`, 'exhausted'),
        ],
      },
      {
        title: 'Certificate',
        text: 'Time until the one that viewers are shown expires.',
        unit: 's',
        queries: [
          line(
            `min by (instance) (live_gateway_certificate_expiry_timestamp_seconds${OF} - time())`,
            '{{instance}}',
          ),
        ],
      },
    ],
  },
];
