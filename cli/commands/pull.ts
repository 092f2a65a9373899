import { Command, Option } from 'commander';
import type { From, PullOptions } from '../../client/index.ts';
import { LiveClient } from '../../client/index.ts';
import { jsonOption, parseCount, parseFrom, parseRoom, parseSequence, timeoutOption } from '../arguments.ts';
import type { ConnectionFlags } from '../connection/connection.ts';
import { addConnectionOptions, connectionOf } from '../connection/connection.ts';
import { explained } from '../connection/tls-trouble.ts';
import { eventObject, jsonLine } from '../format-json.ts';
import { eventLine } from '../format-text.ts';
import { Output } from '../../common/node/output.ts';

interface Options extends ConnectionFlags {
  timeout: number;
  json?: true;
  after?: bigint;
  from?: From;
  limit?: number;
}

/** `live-cli pull ROOM` */
export function pullCommand(): Command {
  const command = new Command('pull')
    .description('Print a range of reliable messages and end: everything held, unless told otherwise.')
    .argument('<room>', 'name of the room', parseRoom)
    .addOption(new Option('--after <seq>', 'only what comes after this sequence').argParser(parseSequence))
    .addOption(
      new Option('--from <where>', 'begin at earliest, last:N, since:TIME or seq:N')
        .argParser(parseFrom)
        .conflicts('after'),
    )
    .addOption(new Option('--limit <n>', 'at most so many messages').argParser(parseCount))
    .addOption(timeoutOption('how long a gateway may be silent'))
    .addOption(jsonOption())
    .action(pull);
  return addConnectionOptions(command);
}

async function pull(room: string, options: Options): Promise<void> {
  const { timeout, json, after, from, limit, ...flags } = options;
  const connection = connectionOf(flags);
  const client = new LiveClient({ ...connection, clientName: 'live-cli' });
  const output = new Output(process.stdout);
  const begin: PullOptions['from'] = after === undefined ? (from ?? 'earliest') : { afterSeq: after };
  try {
    const range = { from: begin, timeoutMs: timeout, ...(limit === undefined ? {} : { limit }) };
    for await (const event of client.pull(room, range)) {
      await output.line(json ? jsonLine(eventObject(event)) : eventLine(event));
    }
  } catch (error) {
    throw await explained(error, connection);
  } finally {
    await client.close();
  }
}
