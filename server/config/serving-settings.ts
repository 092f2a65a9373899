import { parseAddress } from '../../common/units.ts';
import { LOG_LEVELS } from '../observability/logging.ts';
import { parseWorkers, parsePercent, parseRate, parseCount, durationWithin, sizeFrom } from './parsers.ts';
import { optional, required } from './setting.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** How viewers are served, what that may take, and what is told of it. */
export const SERVING_SETTINGS = {
  heartbeatMs: required({
    flag: 'heartbeat',
    placeholder: 'duration',
    help: 'longest silence towards a viewer',
    takes: 'a duration from 100ms to 1h, such as 500ms or 5s',
    fallback: '5s',
    parse: durationWithin(100, 3_600 * SECOND_MS),
  }),
  slowConsumerTimeoutMs: required({
    flag: 'slow-consumer-timeout',
    placeholder: 'duration',
    help: 'a viewer that takes nothing for this long is cut off; it can resume',
    takes: 'a duration from 100ms to 1h, such as 30s',
    fallback: '30s',
    parse: durationWithin(100, 3_600 * SECOND_MS),
  }),
  drainMs: required({
    flag: 'drain',
    placeholder: 'duration',
    help: 'time over which viewers are sent away at shutdown',
    takes: 'a duration from 0s to 1h, such as 10s',
    fallback: '10s',
    parse: durationWithin(0, 3_600 * SECOND_MS),
  }),
  rebalancePercent: required({
    flag: 'rebalance',
    placeholder: 'percent',
    help: 'viewers that may be sent on in a minute while other gateways have over 20 % fewer, in percent of those here; 6 at least, 0 for none',
    takes: 'a whole number from 0 to 100',
    fallback: '5',
    parse: parsePercent,
  }),
  advertise: optional({
    flag: 'advertise',
    placeholder: 'host:port',
    help: 'address by which clients know this gateway: others send viewers there; without it that of --listen, if it names a host',
    takes: 'host:port, an IPv6 host stands in brackets',
    parse: parseAddress,
  }),
  workers: required({
    flag: 'workers',
    placeholder: 'n',
    help: 'processes that serve viewers, each a gateway with a connection to NATS of its own; one a core is most',
    takes: 'a whole number from 1 to 64',
    fallback: '1',
    parse: parseWorkers,
  }),
  roomLogBytes: required({
    flag: 'room-log-bytes',
    placeholder: 'size',
    help: "memory for one room's recent messages, in each worker",
    takes: 'a size of at least 64KiB, at most --log-bytes',
    fallback: '32MiB',
    parse: sizeFrom(64 * KIB),
  }),
  logBytes: required({
    flag: 'log-bytes',
    placeholder: 'size',
    help: 'memory for the recent messages of all rooms, shared out among the workers',
    takes: 'a size of at least 64KiB, such as 256MiB',
    fallback: '256MiB',
    parse: sizeFrom(64 * KIB),
  }),
  maxStreams: required({
    flag: 'max-streams',
    placeholder: 'n',
    help: 'streams of one connection, which a proxy may use for many viewers; it opens another connection for more',
    takes: 'a whole number from 1 to 1000000',
    fallback: '1000',
    parse: (text) => (text === '0' ? undefined : parseCount(text)),
  }),
  idleTimeoutMs: required({
    flag: 'idle-timeout',
    placeholder: 'duration',
    help: 'a connection without a stream is closed after this time, also one that never had any',
    takes: 'a duration from 1s to 24h, such as 1m',
    fallback: '1m',
    parse: durationWithin(SECOND_MS, DAY_MS),
  }),
  joinRate: required({
    flag: 'join-rate',
    placeholder: 'n',
    help: 'joins a second of one stream; ten times as many may come at once',
    takes: 'a whole number from 1 to 1000000, or unlimited',
    fallback: '20',
    parse: parseRate,
  }),
  publishRate: required({
    flag: 'publish-rate',
    placeholder: 'n',
    help: 'publishes a second of one user at each worker, or of one stream where nobody is asked for a token; ten times as many may come at once; a token may say otherwise',
    takes: 'a whole number from 1 to 1000000, or unlimited',
    fallback: '1000',
    parse: parseRate,
  }),
  userEphemeralRate: required({
    flag: 'user-ephemeral-rate',
    placeholder: 'n',
    help: 'likewise, of ephemeral messages alone',
    takes: 'a whole number from 1 to 1000000, or unlimited',
    fallback: 'unlimited',
    parse: parseRate,
  }),
  lingeringRooms: required({
    flag: 'lingering-rooms',
    placeholder: 'n',
    help: 'rooms that are kept for half a minute after their last viewer has gone, so that it can resume from memory; of more, the oldest go first',
    takes: 'a whole number from 0 to 1000000',
    fallback: '1000',
    parse: parseCount,
  }),
  receiveBytes: required({
    flag: 'receive-bytes',
    placeholder: 'size',
    help: 'memory for frames and requests that are not complete, in each worker; an address has at most half of it, a connection a quarter, and who holds most is refused first',
    takes: 'a size of at least 20MiB, such as 64MiB',
    fallback: '64MiB',
    parse: sizeFrom(20 * MIB),
  }),
  frameTimeoutMs: required({
    flag: 'frame-timeout',
    placeholder: 'duration',
    help: 'a frame or request that has begun must be complete in this time, or come by 4 kB a second',
    takes: 'a duration from 1s to 1h, such as 30s',
    fallback: '30s',
    parse: durationWithin(SECOND_MS, 3_600 * SECOND_MS),
  }),
  ephemeralRate: required({
    flag: 'ephemeral-rate',
    placeholder: 'n',
    help: 'ephemeral messages a second of a room that are passed on; of more, all viewers get the same sample',
    takes: 'a whole number from 1 to 1000000, or unlimited',
    fallback: '1000',
    parse: parseRate,
  }),
  metrics: optional({
    flag: 'metrics',
    placeholder: 'host:port',
    help: 'address to serve Prometheus metrics on; without it there are none',
    takes: 'host:port; port 0 picks a free one, an IPv6 host stands in brackets',
    parse: parseAddress,
  }),
  logLevel: required({
    flag: 'log-level',
    placeholder: 'level',
    help: 'least severe log lines to write',
    takes: LOG_LEVELS.join(', '),
    fallback: 'info',
    parse: (text) => LOG_LEVELS.find((level) => level === text),
  }),
};
