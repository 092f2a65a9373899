import { Command, Option } from 'commander';
import type { ReportOptions } from '../chaos/report.ts';
import { CHAOS_DATABASE_HELP, chaosDatabasePath } from '../directories.ts';

/** `live-cli report RUN`; what it does is loaded when it is done, as with {@link chaosCommand}. */
export function reportCommand(): Command {
  return new Command('report')
    .description('Judge a recorded run of chaos again and report it.')
    .argument('<run>', 'name of the run; "last" for the one that began last')
    .addOption(
      new Option('--db <file>', 'database of recorded runs').default(
        chaosDatabasePath(),
        CHAOS_DATABASE_HELP,
      ),
    )
    .addOption(new Option('--json', 'one JSON object with the verdict and the measures'))
    .option('--html <file>', 'write one self-contained page as well')
    .action(async (run: string, options: ReportOptions) =>
      (await import('../chaos/report.ts')).report(run, options),
    );
}
