import { Command } from 'commander';
import { LiveClient } from '../../client/index.ts';
import { jsonOption, parseRoom, serverOption, timeoutOption } from '../arguments.ts';
import { jsonLine } from '../format-json.ts';
import { roomLines } from '../format-text.ts';
import { Output } from '../../common/node/output.ts';
import { explained } from '../tls-mismatch.ts';

interface Options {
  server: string[];
  timeout: number;
  json?: true;
}

/** `live-cli room ROOM` */
export function roomCommand(): Command {
  return new Command('room')
    .description('Describe a room: its newest and oldest message, how many are held, its audience.')
    .argument('<room>', 'name of the room', parseRoom)
    .addOption(serverOption())
    .addOption(timeoutOption('how long each gateway may take to answer'))
    .addOption(jsonOption())
    .action(describeRoom);
}

async function describeRoom(room: string, { server, timeout, json }: Options): Promise<void> {
  const client = new LiveClient({ endpoints: server, clientName: 'live-cli' });
  try {
    const info = await client.room(room, { timeoutMs: timeout });
    const output = new Output(process.stdout);
    for (const line of json ? [jsonLine(info)] : roomLines(info)) await output.line(line);
  } catch (error) {
    throw await explained(error, server);
  } finally {
    await client.close();
  }
}
