import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { peerNamed, peers } from './peers/index.ts';
import type { Peer } from './peers/peer.ts';
import type { Row } from './report.ts';
import { machine, medians, table } from './report.ts';
import type { Case, Scenario } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';

interface Options {
  readonly peer?: readonly string[];
  readonly scenario?: readonly string[];
  readonly case?: readonly string[];
  readonly rounds: number;
  readonly quick: boolean;
  readonly json: boolean;
  readonly chat?: string;
}

const DEFAULT_ROUNDS = 3;

function parseRounds(text: string): number {
  if (!/^[1-9]\d?$/.test(text)) throw new InvalidArgumentError('It takes a number from 1 to 99.');
  return Number(text);
}

/** Progress goes beside the results. */
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function installed(wanted: readonly Peer[]): Promise<Peer[]> {
  const present: Peer[] = [];
  for (const peer of wanted) {
    const found = await peer.installed();
    if (found.kind === 'installed') {
      present.push(peer);
      say(`${peer.name}: ${found.version}`);
    } else {
      say(`${peer.name}: skipped, not installed. To install: ${found.install}`);
    }
  }
  return present;
}

type Growing = Omit<Row, 'rounds' | 'failure'> & { rounds: Row['rounds'][number][]; failure?: string };

async function runOnce(row: Growing, item: Case, peer: Peer, { quick, chat }: Options): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), `bench-${peer.name}-`));
  try {
    const numbers = await item.run({ peer, directory, quick, chat });
    row.rounds.push(numbers);
    say(`  ${row.case} ${peer.name}: ${JSON.stringify(numbers)}`);
  } catch (error) {
    row.failure = error instanceof Error ? error.message : String(error);
    say(`  ${row.case} ${peer.name}: failed: ${row.failure}`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Runs every case for every peer in turn, round by round, so that a noisy minute hits all of them. */
async function runScenario(scenario: Scenario, present: readonly Peer[], options: Options): Promise<Row[]> {
  const taking = present.filter(({ name }) => scenario.peers?.includes(name) ?? true);
  const cases = scenario.cases.filter(({ title }) => options.case?.includes(title) ?? true);
  const entries = cases.flatMap((item) =>
    taking.map((peer) => {
      const row: Growing = { scenario: scenario.name, case: item.title, peer: peer.name, rounds: [] };
      return { item, peer, row };
    }),
  );
  const rounds = Math.min(options.rounds, scenario.rounds ?? options.rounds);
  for (let round = 1; round <= rounds; round++) {
    say(`${scenario.name}, round ${round} of ${rounds}`);
    for (const { item, peer, row } of entries) await runOnce(row, item, peer, options);
  }
  return entries.map(({ row }) => row);
}

async function main(): Promise<void> {
  const options = new Command('bench')
    .description('Measures the gateway and its peers, one after the other, on this machine.')
    .option('--peer <name...>', `only these: ${peers.map(({ name }) => name).join(', ')}`)
    .option('--scenario <name...>', `only these: ${scenarios.map(({ name }) => name).join(', ')}`)
    .option('--case <title...>', 'of each scenario only these')
    .option('--rounds <n>', 'rounds; the median of each number is shown', parseRounds, DEFAULT_ROUNDS)
    .option('--quick', 'small and short: shows that everything works, the numbers say nothing', false)
    .option(
      '--chat <file>',
      'recorded chat, a line {at_ms, type, sender, payload} each, for the scenario chat',
    )
    .option('--json', 'one JSON object instead of tables', false)
    .parse()
    .opts<Options>();
  const unknown = options.scenario?.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined)
    throw new Error(`no scenario ${unknown}; there are ${scenarios.map(({ name }) => name).join(', ')}`);
  const wanted = scenarios.filter(({ name }) => options.scenario?.includes(name) ?? true);
  const chosen = wanted.filter(({ needs }) => needs === undefined || options[needs] !== undefined);
  for (const { name, needs } of wanted.filter((scenario) => !chosen.includes(scenario)))
    say(`${name}: skipped, it needs --${needs}`);
  const present = await installed(options.peer?.map(peerNamed) ?? peers);
  const results: object[] = [];
  if (!options.json) process.stdout.write(`${machine()}\n`);
  for (const scenario of chosen) {
    const rows = await runScenario(scenario, present, options);
    if (rows.length === 0) continue;
    if (options.json) results.push(...rows.map((row) => ({ ...row, medians: medians(row, scenario) })));
    else process.stdout.write(`\n### ${scenario.name}\n\n${scenario.question}\n\n${table(scenario, rows)}\n`);
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ machine: machine(), results })}\n`);
}

// An exit, unlike a signal, takes the servers along.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

await main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
