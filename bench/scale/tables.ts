import { CHECKS } from './checks.ts';
import type { Constant, Transport } from './constants.ts';
import { NATS, PROCESS, TRANSPORTS } from './constants.ts';
import type { Plan } from './model.ts';
import { breaks, MACHINE, plan, processBounds, worst } from './model.ts';
import { LOAD, SIZES, TOPOLOGIES } from './sizes.ts';

type Row = readonly (string | number)[];

/** A table in Markdown. */
function table(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');
const bits = (value: number): string =>
  `${(value / 1e9).toLocaleString('en', { maximumSignificantDigits: 2 })} Gbit/s`;
const percent = (share: number): string => `${(share * 100).toPrecision(2)} %`;
const seconds = (value: number | undefined): string => (value === undefined ? '–' : value.toFixed(1));

const planned: readonly (Plan & {
  readonly viewers: number;
  readonly name: string;
  readonly servers: number;
})[] = SIZES.map(({ viewers, topology }) => ({
  ...plan({ ...LOAD, viewers }, topology),
  viewers,
  name: topology.name,
  servers: topology.regions * topology.natsServers,
}));

const sizes = (): string =>
  table(
    [
      'viewers',
      'in the largest room',
      'gateway processes',
      'machines for them',
      'NATS',
      'NATS servers',
      'used most of NATS',
    ],
    planned.map((each) => [
      whole(each.viewers),
      whole(each.viewers * LOAD.largestRoom),
      whole(each.processes),
      whole(each.machines),
      each.name,
      each.servers,
      `${worst(each).resource}: ${percent(worst(each).share)}`,
    ]),
  );

const bandwidth = (): string =>
  table(
    [
      'viewers',
      'to viewers',
      'per machine',
      'from NATS',
      'per NATS server',
      'between regions',
      'messages/s from NATS',
      'stored/s',
    ],
    planned.map((each) => [
      whole(each.viewers),
      bits(each.viewersBits),
      bits(each.viewersBits / each.machines),
      bits(each.natsBits),
      bits(each.natsBits / each.servers),
      bits(each.regionBits),
      whole(each.natsMessages),
      whole(each.stored),
    ]),
  );

const storms = (): string =>
  table(
    [
      'viewers',
      'a machine is lost, s',
      'all of a process are back at once, s',
      'a region is lost, s',
      'connects to each machine then',
    ],
    planned.map(({ viewers, storms: { machine, process, region }, viewersPerProcess: each }, n) => [
      whole(viewers),
      seconds(machine),
      seconds(process),
      seconds(region),
      region === undefined
        ? '–'
        : whole((each * MACHINE.processes) / ((SIZES[n]?.topology.regions ?? 2) - 1)),
    ]),
  );

const breaking = (): string =>
  table(
    ['NATS', 'breaks at', 'by'],
    Object.values(TOPOLOGIES).map((topology) => {
      const found = breaks({ ...LOAD, viewers: 0 }, topology);
      return [
        topology.name,
        found === undefined ? '–' : `${whole(found.viewers)} viewers`,
        found?.resource ?? '–',
      ];
    }),
  );

const processes = (): string =>
  table(
    ['messages/s to each viewer', 'by WebSocket', 'by gRPC'],
    [0, 1, 10, 50].map((rate) => {
      const bounded = (transport: Transport): string => {
        const [first] = processBounds({ ...LOAD, viewers: 0, reliable: 0, ephemeral: rate, transport });
        return `${whole(first?.viewers ?? 0)} (${first?.bound})`;
      };
      return [rate, bounded('webSocket'), bounded('grpc')];
    }),
  );

function constants(): string {
  const row = (who: string, { what, value, unit, by }: Constant): Row => [
    who,
    what,
    `${value} ${unit}`,
    `\`${by}\``,
  ];
  return table(
    ['of', 'what', 'value', 'measured by'],
    [
      ...Object.values(TRANSPORTS.webSocket).map((each: Constant) => row('WebSocket', each)),
      ...Object.values(TRANSPORTS.grpc).map((each: Constant) => row('gRPC', each)),
      ...Object.values(NATS).map((each) => row('NATS', each)),
      ...Object.values(PROCESS).map((each) => row('gateway', each)),
    ],
  );
}

const checks = (): string =>
  table(
    ['what', 'measured', 'by the model', 'error', 'command'],
    CHECKS.map(({ what, unit, measured, predicted, by }) => [
      what,
      `${measured} ${unit}`,
      `${predicted.toPrecision(3)} ${unit}`,
      `${Math.round((predicted / measured - 1) * 100)} %`,
      `\`${by}\``,
    ]),
  );

/** The tables of docs/scale.md, by the names that it marks their places with. */
export const scaleTables = (): Readonly<Record<string, string>> => ({
  sizes: sizes(),
  processes: processes(),
  bandwidth: bandwidth(),
  storms: storms(),
  breaking: breaking(),
  constants: constants(),
  checks: checks(),
});
