import { natsBytes, processCpu, stormSeconds } from './model.ts';

/** A measurement that the model was not fitted to. */
export interface Check {
  readonly what: string;
  readonly unit: string;
  readonly measured: number;
  readonly predicted: number;
  readonly by: string;
}

const SECONDS = 10;
/** Nobody publishes in the last half of a second that is measured. */
const WINDOW_SECONDS = 10.5;

export const CHECKS: readonly Check[] = [
  {
    what: '3 gateways × 1,000 by WebSocket, 10/s for 10 s: CPU of each gateway',
    unit: 's',
    measured: 1.28,
    predicted: processCpu(1_000, 10, 'webSocket') * SECONDS,
    by: 'npx tsx bench/scale/measure.ts --gateways 3 --rate 10 --seconds 10',
  },
  {
    what: '3 gateways × 1,000 by gRPC, 5/s for 10 s: CPU of each gateway',
    unit: 's',
    measured: 1.317,
    predicted: processCpu(1_000, 5, 'grpc') * SECONDS,
    by: 'npx tsx bench/scale/measure.ts --gateways 3 --peer live-gateway --rate 5 --seconds 10',
  },
  {
    what: 'the same: bytes that nats-server sent',
    unit: 'kB',
    measured: 89.6,
    predicted:
      (natsBytes(0, 200, { gateways: 3, connections: 3 }) * WINDOW_SECONDS +
        natsBytes(150, 200, { gateways: 0, connections: 0 })) /
      1e3,
    by: 'npx tsx bench/scale/measure.ts --gateways 3 --peer live-gateway --rate 5 --seconds 10',
  },
  {
    what: '2,000 by gRPC come back at once, 500 missed: p99',
    unit: 's',
    measured: 1.244,
    predicted: stormSeconds(2_000, 'grpc'),
    by: "npm run bench -- --scenario storm --case '500 × 2000' --peer live-gateway",
  },
  {
    what: '1 gateway × 500 by WebSocket, 2/s for 20 s: CPU',
    unit: 's',
    measured: 0.5,
    predicted: processCpu(500, 2, 'webSocket') * 20,
    by: 'npx tsx bench/scale/measure.ts --viewers 500 --rate 2 --seconds 20',
  },
];
