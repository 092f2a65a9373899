/** What was measured, and by what: the numbers that the model of scale rests on. */
export interface Constant {
  readonly value: number;
  readonly unit: string;
  readonly what: string;
  /** The command that measured it; `npm run bench --` and `tsx bench/scale/measure.ts` are left out before the arguments. */
  readonly by: string;
}

const bench = (args: string): string => `npm run bench -- ${args}`;
const measure = (args: string): string => `npx tsx bench/scale/measure.ts ${args}`;

/** How viewers come. */
export type Transport = 'grpc' | 'webSocket';

/** What a viewer costs by its transport. */
export interface TransportConstants {
  readonly memory: Constant;
  readonly idle: Constant;
  readonly delivery: Constant;
  readonly overhead: Constant;
  readonly join: Constant;
}

export const TRANSPORTS: Readonly<Record<Transport, TransportConstants>> = {
  grpc: {
    memory: {
      value: 30.1,
      unit: 'kB',
      what: 'memory of a viewer',
      by: bench('--scenario idle --peer live-gateway'),
    },
    idle: {
      value: 15.8,
      unit: 'µs/s',
      what: 'CPU of a viewer that gets nothing but heartbeats',
      by: measure('--peer live-gateway --viewers 2000 --rate 0 --seconds 20'),
    },
    delivery: {
      value: 18.1,
      unit: 'µs',
      what: 'CPU of a delivery that is a write of its own',
      by: measure('--peer live-gateway --rate 20 --seconds 10'),
    },
    overhead: {
      value: 46,
      unit: 'bytes',
      what: 'a message on the wire beyond its payload, without TLS and TCP',
      by: measure('--peer live-gateway --rate 20 --seconds 10'),
    },
    join: {
      value: 516,
      unit: 'µs',
      what: 'of a core until one more of a crowd that comes back at once is live',
      by: bench("--scenario storm --case '100 × 10000' --peer live-gateway"),
    },
  },
  webSocket: {
    memory: {
      value: 7.1,
      unit: 'kB',
      what: 'memory of a viewer',
      by: bench('--scenario idle --peer live-gateway-websocket'),
    },
    idle: {
      value: 8.3,
      unit: 'µs/s',
      what: 'CPU of a viewer that gets nothing but heartbeats',
      by: measure('--viewers 2000 --rate 0 --seconds 20'),
    },
    delivery: {
      value: 10.0,
      unit: 'µs',
      what: 'CPU of a delivery that is a write of its own',
      by: measure('--rate 20 --seconds 10'),
    },
    overhead: {
      value: 36,
      unit: 'bytes',
      what: 'a message on the wire beyond its payload, without TLS and TCP',
      by: measure('--rate 20 --seconds 10'),
    },
    join: {
      value: 261,
      unit: 'µs',
      what: 'of a core until one more of a crowd that comes back at once is live',
      by: bench("--scenario storm --case '100 × 10000' --peer live-gateway-websocket"),
    },
  },
};

export const NATS = {
  fanOut: {
    value: 1.23,
    unit: 'µs',
    what: 'CPU of nats-server to hand a message to one more connection',
    by: bench("--scenario same-work --case '2000/s × 500' --peer nats-core"),
  },
  overhead: {
    value: 127,
    unit: 'bytes',
    what: 'a message from nats-server to a gateway beyond its payload',
    by: measure('--rate 20 --seconds 10'),
  },
  stored: {
    value: 28_362,
    unit: '1/s',
    what: 'reliable messages that one stream of one copy acknowledges',
    by: bench("--scenario publish --case 'NATS client'"),
  },
  chatter: {
    value: 498,
    unit: 'bytes/s',
    what: 'what a gateway gets of nats-server when nothing happens',
    by: measure('--viewers 2000 --rate 0 --seconds 20'),
  },
  news: {
    value: 253,
    unit: 'bytes/s',
    what: 'what a gateway hears of each gateway, itself included, once a second',
    by: measure('--gateways 3 --rate 10 --seconds 10'),
  },
} as const satisfies Record<string, Constant>;

export const PROCESS = {
  memory: {
    value: 90,
    unit: 'MB',
    what: 'memory of a gateway process without viewers',
    by: bench('--scenario idle --peer live-gateway'),
  },
} as const satisfies Record<string, Constant>;
