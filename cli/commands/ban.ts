import { Command, Option } from 'commander';
import { Output } from '../../common/node/output.ts';
import { printable } from '../../common/printable.ts';
import type { BanResponse } from '../../protos/gen/live/v1/BanResponse.ts';
import { jsonOption, parsePositiveDuration, timeoutOption } from '../arguments.ts';
import type { ConnectionFlags } from '../connection/connection.ts';
import { addConnectionOptions, connectionOf } from '../connection/connection.ts';
import { jsonLine } from '../format-json.ts';
import { moderate } from '../moderation.ts';

interface Options extends ConnectionFlags {
  timeout: number;
  json?: true;
}

interface TermOptions extends Options {
  for?: number;
  reason: string;
}

const NEEDS = 'Takes a token that may moderate every room.';

/** `live-cli ban USER` */
export function banCommand(): Command {
  return moderating(
    new Command('ban')
      .description(`End all streams of a user, and let nobody in by that name. ${NEEDS}`)
      .argument('<user>', 'the sub of the user’s tokens')
      .addOption(forOption('for how long; without it for good'))
      .addOption(reasonOption('why: the user is told'))
      .action(ban),
  );
}

/** `live-cli unban USER` */
export function unbanCommand(): Command {
  return moderating(
    new Command('unban')
      .description(`End a ban. ${NEEDS}`)
      .argument('<user>', 'the sub of the user’s tokens')
      .action(unban),
  );
}

/** `live-cli disconnect USER` */
export function disconnectCommand(): Command {
  return moderating(
    new Command('disconnect')
      .description(`End all streams of a user, who may come again. ${NEEDS}`)
      .argument('<user>', 'the sub of the user’s tokens')
      .action(disconnect),
  );
}

/** `live-cli token revoke ID` */
export function revokeCommand(): Command {
  return moderating(
    new Command('revoke')
      .description(`Have a token count no longer. ${NEEDS}`)
      .argument('<id>', 'its own name (jti)')
      .addOption(
        forOption('for how long it would have counted yet; without it the token is kept in mind for good'),
      )
      .addOption(reasonOption('why: who brings the token is told'))
      .action(revoke),
  );
}

async function ban(
  user: string,
  { for: forMs = 0, reason, timeout, json, ...flags }: TermOptions,
): Promise<void> {
  const { untilMs } = await moderate<BanResponse>(
    connectionOf(flags),
    timeout,
    (stub, metadata, options, answered) => stub.ban({ user, forMs, reason }, metadata, options, answered),
  );
  const until = untilMs === undefined ? undefined : new Date(Number(untilMs)).toISOString();
  await say(
    json,
    { banned: user, until },
    `${printable(user)} is banned ${until ? `until ${until}` : 'for good'}`,
  );
}

async function unban(user: string, { timeout, json, ...flags }: Options): Promise<void> {
  await moderate(connectionOf(flags), timeout, (stub, metadata, options, answered) =>
    stub.unban({ user }, metadata, options, answered),
  );
  await say(json, { unbanned: user }, `${printable(user)} is not banned`);
}

async function disconnect(user: string, { timeout, json, ...flags }: Options): Promise<void> {
  await moderate(connectionOf(flags), timeout, (stub, metadata, options, answered) =>
    stub.disconnect({ user }, metadata, options, answered),
  );
  await say(json, { disconnected: user }, `the streams of ${printable(user)} are ended`);
}

async function revoke(
  tokenId: string,
  { for: forMs = 0, reason, timeout, json, ...flags }: TermOptions,
): Promise<void> {
  await moderate(connectionOf(flags), timeout, (stub, metadata, options, answered) =>
    stub.revokeToken({ tokenId, forMs, reason }, metadata, options, answered),
  );
  await say(json, { revoked: tokenId }, `the token ${printable(tokenId)} is revoked`);
}

async function say(json: true | undefined, fields: object, text: string): Promise<void> {
  await new Output(process.stdout).line(json ? jsonLine(fields) : text);
}

function moderating(command: Command): Command {
  command.addOption(timeoutOption('how long each gateway may take to answer')).addOption(jsonOption());
  return addConnectionOptions(command);
}

const forOption = (help: string): Option =>
  new Option('--for <duration>', help).argParser(parsePositiveDuration);

const reasonOption = (help: string): Option => new Option('--reason <text>', help).default('');
