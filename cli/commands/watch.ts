import { status } from '@grpc/grpc-js';
import { Command, Option } from 'commander';
import type { From, RoomEvent, RoomSubscription } from '../../client/index.ts';
import { LiveClient, LiveError } from '../../client/index.ts';
import { systemClock } from '../../common/clock.ts';
import { jsonOption, parseCount, parseFrom, parseRooms } from '../arguments.ts';
import { eventObject, jsonLine, slowObject, stateObject, upstreamObject } from '../format-json.ts';
import { ClaimedCursors } from '../claimed-cursors.ts';
import type { Connection, ConnectionFlags } from '../connection/connection.ts';
import { addConnectionOptions, connectionOf } from '../connection/connection.ts';
import { tlsTrouble } from '../connection/tls-trouble.ts';
import { CursorDatabase } from '../cursor-database.ts';
import { eventLine, notice, slowLine, upstreamLine } from '../format-text.ts';
import { onInterrupt } from '../interrupt.ts';
import { OutageLine } from '../outage.ts';
import { isClosedPipe, Output } from '../../common/node/output.ts';
import { cursorDatabasePath } from '../directories.ts';

interface Options extends ConnectionFlags {
  json?: true;
  from?: From;
  /** A name, `true` for the default one, `false` for none. */
  cursor: string | boolean;
  onGap: 'continue' | 'stop';
  count?: number;
  compress?: true;
}

const DEFAULT_CURSOR_NAME = 'default';

const HELP = `
Where it begins: at the cursor kept under --cursor NAME if there is one, else at --from, else live. Without
--cursor the name is "${DEFAULT_CURSOR_NAME}", and --from, if given, goes before it. The cursor is that of the last message
printed, so a restarted watch goes on where it stopped, also after it was killed.

Each cluster has a cursor of its own, by whichever of its gateways it is reached: a watch that goes from one
--server to that of another cluster and back goes on where it was there. A cluster that was never watched begins
like the first time, not with a RESET; that says that the stream behind the same servers was created anew.

Two watches of a room in one cluster cannot have one cursor: while "${DEFAULT_CURSOR_NAME}" is in use a second one does without, and
says so; a NAME that is in use is refused. Cursors are kept in $XDG_STATE_HOME/live-gateway/cursors.db
(~/.local/state/live-gateway/cursors.db).

It runs until it is interrupted (exit code 0), and keeps trying while no gateway can be reached. Changes of the
connection are told on standard error, a message that takes long to arrive as "slow: 300 of 990 kB", an outage in
one line that is kept up to date on a terminal and repeated every minute elsewhere; with --json, every change on
standard output like everything else.`;

/** `live-cli watch ROOM...` */
export function watchCommand(): Command {
  const command = new Command('watch')
    .description('Follow rooms: print every message, and every gap, reset and drop, as it comes.')
    .argument('<room...>', 'names of the rooms', parseRooms)
    .addOption(
      new Option('--from <where>', 'begin at live, earliest, last:N, since:TIME or seq:N').argParser(
        parseFrom,
      ),
    )
    .option('--cursor <name>', 'keep the place under this name')
    .addOption(
      new Option('--no-cursor', 'neither use nor keep a cursor').default(true, `"${DEFAULT_CURSOR_NAME}"`),
    )
    .addOption(
      new Option('--on-gap <what>', 'after a gap or reset: continue, or stop without moving the cursor')
        .choices(['continue', 'stop'])
        .default('continue'),
    )
    .addOption(new Option('--count <n>', 'end after so many reliable messages').argParser(parseCount))
    .option('--compress', 'have batches compressed')
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action((rooms: string[], options: Options) => watch(rooms, options));
  return addConnectionOptions(command);
}

async function watch(rooms: string[], options: Options): Promise<void> {
  const connection = connectionOf(options);
  const outage = new OutageLine(process.stderr, systemClock);
  const say = (line: string): void => {
    outage.clear();
    process.stderr.write(`${line}\n`);
  };
  const store = options.cursor === false ? undefined : openCursors(options, say);
  const client = new LiveClient({
    ...connection,
    clientName: 'live-cli',
    compression: options.compress ? 'deflate' : 'none',
    ...(store ? { cursorStore: store } : {}),
  });
  const output = new Output(process.stdout);
  const render = options.json ? (event: RoomEvent) => jsonLine(eventObject(event)) : eventLine;
  const tell = options.json
    ? (object: object) => writeLine(output, jsonLine(object))
    : (_object: object, line: string | undefined) => line !== undefined && say(line);
  client.on('state', (state) => (options.json ? tell(stateObject(state), undefined) : outage.tell(state)));
  tellTlsTrouble(client, connection, say);
  tellUpstream(client, tell);
  client.on('slow', (...slow) => tell(slowObject(...slow), slowLine(...slow)));
  const subscriptions = rooms.map((room) => client.join(room, joinOptions(options)));
  const stop = (): void => {
    for (const subscription of subscriptions) subscription.leave();
  };
  const undo = onInterrupt(stop);
  output.onFailed(stop);
  const print = (event: RoomEvent): Promise<void> => {
    outage.clear();
    return output.line(render(event));
  };
  const quota = { left: options.count ?? Infinity };
  try {
    await Promise.all(subscriptions.map((subscription) => follow(subscription, print, quota, stop)));
  } finally {
    undo();
    stop();
    outage.close();
    await client.close();
    store?.close();
  }
}

/** Prints a room's events until it ends or the quota is used up. Printed is handled, and nothing else is. */
async function follow(
  subscription: RoomSubscription,
  print: (event: RoomEvent) => Promise<void>,
  quota: { left: number },
  stop: () => void,
): Promise<void> {
  for await (const event of subscription) {
    if (quota.left === 0) return;
    if (event.kind === 'message') quota.left -= 1;
    try {
      await print(event);
    } catch (error) {
      if (isClosedPipe(error)) return;
      throw error;
    }
    if (quota.left > 0) continue;
    subscription.commit();
    stop();
    return;
  }
}

/** Tells once if gateways cannot be reached because of TLS: one end does not speak it, or does not believe the other. */
function tellTlsTrouble(client: LiveClient, connection: Connection, say: (line: string) => void): void {
  let looked = false;
  client.on('state', (state) => {
    if (state.kind !== 'backoff' || looked) return;
    looked = true;
    void tlsTrouble(state.cause, connection).then((trouble) => {
      if (trouble !== undefined) say(notice(trouble));
    });
  });
}

/** The cursors of this watch. One that another watch uses is done without, unless it was asked for by name. */
function openCursors({ cursor }: Options, say: (line: string) => void): ClaimedCursors {
  return new ClaimedCursors(new CursorDatabase(cursorDatabasePath()), (name, room) => {
    const taken = `another watch uses the cursor "${name}" of ${room}`;
    if (typeof cursor !== 'string') {
      say(`${taken}: this one keeps none; --cursor NAME gives it its own`);
      return;
    }
    const advice = 'give this one another --cursor, or --no-cursor';
    throw new LiveError(status.FAILED_PRECONDITION, `${taken}: ${advice}`);
  });
}

function joinOptions({ from, cursor, onGap }: Options) {
  const start = from === undefined ? {} : { from };
  if (cursor === false) return { ...start, onGap };
  if (typeof cursor === 'string') return { ...start, onGap, cursorName: cursor };
  return { ...start, onGap, cursorName: DEFAULT_CURSOR_NAME, ignoreStoredCursor: from !== undefined };
}

/** Tells when the gateway cannot prove what it says of rooms, and when it can again. */
function tellUpstream(client: LiveClient, tell: (object: object, line: string | undefined) => void): void {
  let degraded = false;
  client.on('upstream', (upstream, causes) => {
    if (upstream === 'OK' && !degraded) return;
    degraded = upstream === 'DEGRADED';
    tell(upstreamObject(upstream, causes), upstreamLine(upstream, causes));
  });
}

/** What cannot be written ends the command, and is told at its end. */
function writeLine(output: Output, line: string): void {
  output.line(line).catch(() => undefined);
}
