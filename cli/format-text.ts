import pc from 'picocolors';
import type {
  ConnectionState,
  EphemeralMessage,
  JoinOutcome,
  Message,
  PublishResult,
  PullEvent,
  ResetCause,
  RoomEvent,
  RoomInfo,
  Upstream,
  UpstreamCause,
} from '../client/index.ts';
import { LiveError } from '../client/index.ts';
import { printable } from '../common/printable.ts';
import { roomStateWords } from './room-state.ts';

const LONGEST_PAYLOAD = 2_000;

/** An event of a room as a line for people. */
export function eventLine(event: RoomEvent | PullEvent): string {
  const room = pc.cyan(event.room);
  switch (event.kind) {
    case 'message':
      return messageLine(room, pc.bold(`#${event.message.seq}`), event.message);
    case 'ephemeral':
      return messageLine(room, pc.dim('~'), event.message);
    case 'joined':
      return notice(`${room} ${outcomeText(event.outcome)} at ${event.cursor.seq}, head ${event.head}`);
    case 'caught-up':
      return notice(`${room} is live at ${event.cursor.seq}`);
    case 'audience':
      return notice(`${room} has ${event.count} viewers`);
    case 'dropped':
      return notice(pc.yellow(`${event.room} ${event.count} ephemeral messages were dropped`));
    case 'gap':
      return notice(
        pc.red(
          `${event.room} GAP: reliable messages after ${event.after} and before ${event.next} are no longer held`,
        ),
      );
    case 'reset':
      return notice(
        pc.red(`${event.room} RESET: ${resetText(event.cause)}; goes on after ${event.cursor.seq}`),
      );
    case 'room-state':
      return notice(`${room} is ${roomStateWords(event.state).join(', ')}`);
    case 'retrying':
      return notice(pc.yellow(`${event.room} ${errorText(event.error)}; tries again in ${event.delayMs} ms`));
    case 'end':
      return notice(`${room} ends at ${event.cursor.seq}, head ${event.head}`);
  }
}

/** A state of the connection as a line for people; undefined if it is no news. */
export function stateLine(state: ConnectionState): string | undefined {
  switch (state.kind) {
    case 'live':
      return notice(pc.green(`connected to ${state.endpoint}`));
    case 'suspect':
      return notice(
        pc.yellow(`${state.endpoint} has been silent for ${Math.round(state.silentMs)} ms, probing`),
      );
    case 'moving':
      return notice(pc.yellow(`${state.endpoint} asks to move (${state.reason}), in ${state.afterMs} ms`));
    case 'backoff':
      return notice(
        pc.yellow(`${errorText(state.cause)}; tries ${state.nextEndpoint} in ${state.delayMs} ms`),
      );
    case 'idle':
    case 'connecting':
    case 'closed':
      return undefined;
  }
}

/** That a frame takes its time, as a line for people. */
export function slowLine(bytes: number, ms: number, total: number | undefined): string {
  const whole = total === undefined ? '' : ` of ${kilobytes(total)}`;
  return notice(
    pc.yellow(`slow: ${kilobytes(bytes)}${whole} kB of a message in ${Math.round(ms / 1_000)} s`),
  );
}

/** What the gateway says of NATS, as a line for people; undefined if it says nothing. */
export function upstreamLine(upstream: Upstream, causes: readonly UpstreamCause[]): string | undefined {
  switch (upstream) {
    case 'OK':
      return notice(pc.green('the gateway can prove again what it says of rooms'));
    case 'DEGRADED':
      return notice(pc.yellow(`DEGRADED: ${causes.map(causeText).join('; ')}; messages may be late`));
    default:
      return undefined;
  }
}

/** What a room is like, for people. */
export function roomLines({ room, head, first, count, audience, epoch, state }: RoomInfo): string[] {
  const rows = {
    room,
    head,
    first,
    count,
    audience,
    epoch,
    ...(state && { state: roomStateWords(state).join(', ') }),
  };
  return Object.entries(rows).map(([name, value]) => `${pc.dim(name.padEnd(9))}${printable(String(value))}`);
}

/** What became of a publish, for people. */
export function publishedLine(room: string, type: string, { seq, duplicate }: PublishResult): string {
  const place = seq === 0n ? pc.dim('~') : pc.bold(`#${seq}`);
  const note = duplicate ? pc.yellow(' duplicate: it was stored before') : '';
  return `${pc.cyan(room)} ${place} ${pc.magenta(printable(type))}${note}`;
}

/** What went wrong, with the names to look up in the documentation. */
export function errorText(error: unknown): string {
  if (!(error instanceof LiveError)) return error instanceof Error ? error.message : String(error);
  const names = error.reason === 'UNSPECIFIED' ? error.codeName : `${error.codeName}, ${error.reason}`;
  return `${printable(error.message)} (${names})`;
}

function outcomeText(outcome: JoinOutcome): string {
  switch (outcome) {
    case 'STARTED':
      return 'joined';
    case 'GAP':
      return 'resumed with a gap';
    case 'RESET':
      return 'resumed after a reset';
    default:
      return 'resumed';
  }
}

function resetText(cause: ResetCause): string {
  switch (cause) {
    case 'RECREATED':
      return 'the stream was created anew';
    case 'REWOUND':
      return 'the stream was rewound';
    default:
      return 'the history is another one';
  }
}

const causeTexts: Partial<Record<UpstreamCause, string>> = {
  NATS_UNREACHABLE: 'the gateway cannot reach NATS',
  JETSTREAM_UNAVAILABLE: 'JetStream does not answer',
  STREAM_MISSING: 'the stream does not exist',
  STREAM_UNFIT: 'the stream could lose messages unnoticed',
  READS_FAILING: 'stored messages cannot be read',
  FEED_MISSING: 'new messages are not announced to the gateway',
  STORAGE_FULL: 'JetStream has no space for new messages',
  PUBLISHES_FAILING: 'published messages are not stored',
};

/** The name is what documentation and metrics call it; a later version may have others. */
function causeText(cause: UpstreamCause): string {
  const text = causeTexts[cause];
  return text === undefined ? cause : `${text} (${cause})`;
}

function messageLine(room: string, mark: string, message: Message | EphemeralMessage): string {
  const time = pc.dim(new Date(message.timeMs).toISOString().slice(11, 23));
  const type = pc.magenta(printable(message.type || '(no type)'));
  const sender = message.sender === '' ? '' : ` ${pc.blue(printable(message.sender))}`;
  return `${time} ${room} ${mark} ${type}${sender} ${contentText(message)}`;
}

function contentText(message: Message | EphemeralMessage): string {
  if ('omittedBytes' in message) {
    return pc.yellow(`(${message.omittedBytes} bytes, more than this client takes)`);
  }
  return payloadText(message.payload);
}

function payloadText(payload: Uint8Array): string {
  const text = printable(Buffer.from(payload.subarray(0, LONGEST_PAYLOAD)).toString('utf8'));
  return payload.length > LONGEST_PAYLOAD ? `${text}… (${payload.length} bytes)` : text;
}

const kilobytes = (bytes: number): string => String(Math.round(bytes / 1_000));

/** A line that is no message. */
export function notice(text: string): string {
  return `${pc.dim('--')} ${text}`;
}
