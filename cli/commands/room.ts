import { Command } from 'commander';
import { LiveClient } from '../../client/index.ts';
import { jsonOption, parseRoom, timeoutOption } from '../arguments.ts';
import type { ConnectionFlags } from '../connection/connection.ts';
import { addConnectionOptions, connectionOf } from '../connection/connection.ts';
import { explained } from '../connection/tls-trouble.ts';
import { jsonLine, roomObject } from '../format-json.ts';
import { roomLines } from '../format-text.ts';
import { Output } from '../../common/node/output.ts';

interface Options extends ConnectionFlags {
  timeout: number;
  json?: true;
}

/** `live-cli room ROOM` */
export function roomCommand(): Command {
  const command = new Command('room')
    .description('Describe a room: its newest and oldest message, how many are held, its audience.')
    .argument('<room>', 'name of the room', parseRoom)
    .addOption(timeoutOption('how long each gateway may take to answer'))
    .addOption(jsonOption())
    .action(describeRoom);
  return addConnectionOptions(command);
}

async function describeRoom(room: string, { timeout, json, ...flags }: Options): Promise<void> {
  const connection = connectionOf(flags);
  const client = new LiveClient({ ...connection, clientName: 'live-cli' });
  try {
    const info = await client.room(room, { timeoutMs: timeout });
    const output = new Output(process.stdout);
    for (const line of json ? [jsonLine(roomObject(info))] : roomLines(info)) await output.line(line);
  } catch (error) {
    throw await explained(error, connection);
  } finally {
    await client.close();
  }
}
