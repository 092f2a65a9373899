import { Command, InvalidArgumentError, Option } from 'commander';
import type { FaultName } from '../../chaos/run/catalogue.ts';
import { DESCRIPTION } from '../../chaos/run/describe.ts';
import { defaults } from '../../chaos/run/options.ts';
import { parseClusterSize, parseFault, parseGateways, parseSeed } from '../../chaos/run/parse.ts';
import { profileNames, profiles } from '../../chaos/run/profiles.ts';
import { transportNames } from '../../chaos/run/transport.ts';
import { UsageError } from '../../common/errors.ts';
import type { ChaosOptions } from '../chaos/run.ts';
import { parseCount, parseEndpoints, parsePositive, parsePositiveDuration } from '../arguments.ts';
import { CHAOS_DATABASE_HELP, chaosDatabasePath } from '../directories.ts';

const HELP = `
Without --server it runs gateways and a nats-server of its own, which end with it; LIVE_SERVER and contexts are not heeded.

${DESCRIPTION}`;

/** `live-cli chaos`; what it does is loaded when it is done: it is a third of what every other command would take to start. */
export function chaosCommand(): Command {
  return new Command('chaos')
    .description('Simulate viewers on flapping networks, and prove what was delivered and what was not.')
    .addOption(
      new Option(
        '--server <address[,address]>',
        "somebody else's gateways, without TLS: host:port, or ws://host:port for viewers by WebSocket",
      ).argParser(parseEndpoints),
    )
    .addOption(
      new Option(
        '--transport <name>',
        `how viewers and publishers reach gateways (default ${defaults.transport}, with --server what its addresses say)`,
      ).choices(transportNames),
    )
    .addOption(number('--viewers <n>', `viewers (default ${defaults.viewers})`, parseCount))
    .addOption(
      number(
        '--rooms <n>',
        `rooms that they are spread over (default: one for ${defaults.viewersPerRoom} viewers)`,
        parseCount,
      ),
    )
    .addOption(
      number(
        '--duration <duration>',
        `how long faults come (default ${defaults.durationMs / 1_000}s)`,
        parsePositiveDuration,
      ),
    )
    .addOption(
      number(
        '--rate <n>',
        `reliable messages a second over all rooms (default ${defaults.rate})`,
        parsePositive,
      ),
    )
    .addOption(
      number('--ephemeral-rate <n>', `ephemeral ones (default ${defaults.ephemeralRate})`, parseNotNegative),
    )
    .addOption(
      new Option(
        '--profile <name>',
        `mix of faults (default ${defaults.profile.own}, with --server ${defaults.profile.foreign})`,
      ).choices(profileNames),
    )
    .addOption(
      new Option(
        '--fault <name...>',
        "these faults in place of the profile's; name=weight makes one likelier",
      ).argParser(addFault),
    )
    .addOption(
      number('--seed <n>', 'what the schedule follows from (default: a random one)', argument(parseSeed)),
    )
    .addOption(
      number(
        '--gateways <n>',
        `gateways to run (default ${defaults.gateways}, with the profile everything ${profiles.everything.gateways})`,
        argument(parseGateways),
      ),
    )
    .addOption(
      number(
        '--nats-cluster <n>',
        'run 3 or 5 nats-servers, each with a copy of the stream',
        argument(parseClusterSize),
      ),
    )
    .addOption(
      new Option('--replay <run>', 'run the schedule of a recorded run again; "last" for the last one'),
    )
    .addOption(new Option('--only-viewer <name>', 'of the schedule, only this viewer, for example v17'))
    .addOption(new Option('--only-fault <name...>', 'of the schedule, only faults of this name or number'))
    .addOption(
      new Option('--db <file>', 'database to record the run in').default(
        chaosDatabasePath(),
        CHAOS_DATABASE_HELP,
      ),
    )
    .addOption(new Option('--json', 'one JSON object with the verdict and the measures'))
    .addHelpText('after', HELP)
    .action(async (options: ChaosOptions) => (await import('../chaos/run.ts')).runChaos(options));
}

function number(flags: string, about: string, parse: (value: string) => number): Option {
  return new Option(flags, about).argParser(parse);
}

/** What is wrong with an argument is told with its option. */
function argument<T>(parse: (value: string) => T): (value: string) => T {
  return (value) => {
    try {
      return parse(value);
    } catch (error) {
      throw error instanceof UsageError ? new InvalidArgumentError(error.message) : error;
    }
  };
}

function parseNotNegative(value: string): number {
  return Number(value) === 0 && value.trim() !== '' ? 0 : parsePositive(value);
}

/** One or more of `half-open` or `half-open=3`. */
function addFault(value: string, previous?: ReadonlyMap<FaultName, number>): Map<FaultName, number> {
  const { name, weight } = argument(parseFault)(value);
  return new Map(previous).set(name, parsePositive(weight));
}
