#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { LiveError } from '../client/index.ts';
import { VERSION } from '../common/node/version.ts';
import { banCommand, disconnectCommand, unbanCommand } from './commands/ban.ts';
import { contextCommand } from './commands/context.ts';
import { chaosCommand } from './commands/chaos.ts';
import { pullCommand } from './commands/pull.ts';
import { reportCommand } from './commands/report.ts';
import { roomCommand } from './commands/room.ts';
import { sendCommand } from './commands/send.ts';
import { tokenCommand } from './commands/token.ts';
import { watchCommand } from './commands/watch.ts';
import { Interrupted, UsageError } from '../common/errors.ts';
import type { ExitCode } from './exit-codes.ts';
import { EXIT_CODE_HELP, exitCodes, VERDICT_EXIT_CODE_HELP } from './exit-codes.ts';
import { failureFields, jsonLine } from './format-json.ts';
import { errorText } from './format-text.ts';
import { isClosedPipe, Output, OutputError } from '../common/node/output.ts';

/** The command line, and of its commands those that do something, which tell failures as they were asked to tell everything. */
function program(): { root: Command; doing: Command[] } {
  const root = new Command('live-cli')
    .description('Watch and feed live rooms through a live-gateway.')
    .version(VERSION);
  const moderating = [banCommand(), unbanCommand(), disconnectCommand()];
  const doing = [watchCommand(), sendCommand(), roomCommand(), pullCommand(), tokenCommand(), ...moderating];
  const judging = [chaosCommand(), reportCommand()];
  for (const command of [root, ...doing]) command.addHelpText('after', EXIT_CODE_HELP);
  for (const command of judging) command.addHelpText('after', VERDICT_EXIT_CODE_HELP);
  const context = contextCommand();
  for (const command of [...doing, context, ...judging]) root.addCommand(command);
  for (const command of withSubcommands(root)) {
    command.exitOverride().showHelpAfterError('(--help tells more)').configureHelp({ helpWidth: 110 });
  }
  const within = doing.flatMap(({ commands }) => commands);
  return { root, doing: [...doing, ...within, ...context.commands] };
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

/**
 * Tells the user what went wrong, and returns how to end.
 * @param json whether a program reads standard output
 */
function report(error: unknown, json: boolean): ExitCode {
  // Commander has said it already, or was only asked for help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.misuse;
  if (isClosedPipe(error)) return exitCodes.ok;
  // Whoever wrote it, it is told once, at the end.
  if (error instanceof OutputError) return exitCodes.failure;
  if (json) process.stdout.write(`${jsonLine({ kind: 'error', ...failureFields(error) })}\n`);
  else tell(error);
  if (error instanceof UsageError) return exitCodes.misuse;
  return isInterrupted(error) ? exitCodes.interrupted : exitCodes.failure;
}

function tell(error: unknown): void {
  process.stderr.write(`live-cli: ${errorText(error)}\n`);
  if (error instanceof LiveError && error.key !== undefined && error.reason === 'PUBLISH_OUTCOME_UNKNOWN') {
    process.stderr.write(`live-cli: to try again without storing it twice: --key ${error.key}\n`);
  }
}

/** Whether the user did it, whatever it was that came of it. */
function isInterrupted(error: unknown): boolean {
  return error instanceof Interrupted || (error instanceof Error && isInterrupted(error.cause));
}

/** Some lines nobody waits for, and commander's help: what became of all of them shows at the end. */
async function reportOutput(output: Output): Promise<void> {
  await output.settled();
  if (!(output.failure instanceof OutputError)) return;
  process.stderr.write(`live-cli: ${output.failure.message}\n`);
  process.exitCode = exitCodes.failure;
}

// Whoever lists processes would see it.
if (process.argv.some((argument) => /^--token(=|$)/.test(argument))) process.title = 'live-cli';
// Who cannot be told of an error either is told by the exit code.
process.stderr.on('error', () => undefined);
const output = new Output(process.stdout);
const { root, doing } = program();
try {
  await root.parseAsync();
} catch (error) {
  const json = doing.some((command) => command.opts<{ json?: true }>().json === true);
  process.exitCode = report(error, json);
}
await reportOutput(output);
// A connection attempt that hangs in the kernel must not keep the process.
process.exit();
