import { Command, Option } from 'commander';
import type { From, PullOptions } from '../../client/index.ts';
import { LiveClient } from '../../client/index.ts';
import {
  jsonOption,
  parseCount,
  parseFrom,
  parseRoom,
  parseSequence,
  serverOption,
  timeoutOption,
} from '../arguments.ts';
import { eventObject, jsonLine } from '../format-json.ts';
import { eventLine } from '../format-text.ts';
import { Output } from '../../common/node/output.ts';
import { explained } from '../tls-mismatch.ts';

interface Options {
  server: string[];
  timeout: number;
  json?: true;
  after?: bigint;
  from?: From;
  limit?: number;
}

/** `live-cli pull ROOM` */
export function pullCommand(): Command {
  return new Command('pull')
    .description('Print a range of reliable messages and end: everything held, unless told otherwise.')
    .argument('<room>', 'name of the room', parseRoom)
    .addOption(new Option('--after <seq>', 'only what comes after this sequence').argParser(parseSequence))
    .addOption(
      new Option('--from <where>', 'begin at earliest, last:N, since:TIME or seq:N')
        .argParser(parseFrom)
        .conflicts('after'),
    )
    .addOption(new Option('--limit <n>', 'at most so many messages').argParser(parseCount))
    .addOption(serverOption())
    .addOption(timeoutOption('how long a gateway may be silent'))
    .addOption(jsonOption())
    .action(pull);
}

async function pull(room: string, { server, timeout, json, after, from, limit }: Options): Promise<void> {
  const client = new LiveClient({ endpoints: server, clientName: 'live-cli' });
  const output = new Output(process.stdout);
  const begin: PullOptions['from'] = after === undefined ? (from ?? 'earliest') : { afterSeq: after };
  try {
    const options = { from: begin, timeoutMs: timeout, ...(limit === undefined ? {} : { limit }) };
    for await (const event of client.pull(room, options)) {
      await output.line(json ? jsonLine(eventObject(event)) : eventLine(event));
    }
  } catch (error) {
    throw await explained(error, server);
  } finally {
    await client.close();
  }
}
