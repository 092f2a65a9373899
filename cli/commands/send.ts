import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';
import { Command, Option } from 'commander';
import type { OutgoingMessage, PublishResult } from '../../client/index.ts';
import { LiveClient, LiveError } from '../../client/index.ts';
import { systemClock } from '../../common/clock.ts';
import { knownTypesOf } from '../../protos/vocabulary.ts';
import { jsonOption, parseHeader, parsePositive, parseRoom, timeoutOption } from '../arguments.ts';
import type { Connection, ConnectionFlags } from '../connection/connection.ts';
import { addConnectionOptions, connectionOf } from '../connection/connection.ts';
import { explained } from '../connection/tls-trouble.ts';
import { Interrupted, UsageError } from '../../common/errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { failureFields, jsonLine } from '../format-json.ts';
import { errorText, publishedLine } from '../format-text.ts';
import { onInterrupt } from '../interrupt.ts';
import type { InputLine } from '../lines.ts';
import { readLines } from '../lines.ts';
import type { OutgoingDefaults, OutgoingLine } from '../outgoing.ts';
import { parseLine, textOf } from '../outgoing.ts';
import { isClosedPipe, Output } from '../../common/node/output.ts';
import { Pacer } from '../pacing.ts';

interface Options extends ConnectionFlags {
  timeout: number;
  json?: true;
  class?: 'reliable' | 'ephemeral';
  sender?: string;
  key?: string;
  header: Record<string, string>;
  stdin?: true;
  rate?: number;
  pace?: true;
  ordered?: true;
}

/** Messages that may be on their way at once, and the bytes of their lines. */
const window = { lines: 256, bytes: 8 * 1024 * 1024 };

const HELP = `
PAYLOAD is sent as it is, in UTF-8. Types known by name; any other needs --class:
  reliable   ${knownTypesOf('RELIABLE').join(', ')}
  ephemeral  ${knownTypesOf('EPHEMERAL').join(', ')}

With --stdin every line is a JSON object: {"type": "gift", "payload": {"n": 1}, "sender": "ann", "key": "k1",
"at_ms": 250}. Only "type" is needed; a payload that is not a string is sent as it is written, without the
space between its parts. A bad line, also one with a field that is none of these or with bytes that are not UTF-8, is reported with
its number and the others are sent; the exit code is then 1. Lines are sent in their order, many at a time: when NATS
does not take one at the first attempt, some of the next 256 may be stored before it, unless --ordered is given.

A message whose outcome is unknown may be sent again with the same --key: it is stored once.`;

/** `live-cli send ROOM TYPE [PAYLOAD]`, `live-cli send ROOM --stdin` */
export function sendCommand(): Command {
  const command = new Command('send')
    .description('Publish one message, or one for every line of standard input.')
    .argument('<room>', 'name of the room', parseRoom)
    .argument('[type]', 'type of the message, for example gift')
    .argument('[payload]', 'what it says, as JSON or any other text')
    .addOption(
      new Option('--class <class>', 'class of a type that is not known by name').choices([
        'reliable',
        'ephemeral',
      ]),
    )
    .option('--sender <name>', 'who sends it')
    .option('--key <key>', 'idempotency key: the same room, sender and key are stored once; empty: none')
    .addOption(
      new Option('--header <name=value>', 'a header for the message; may be given again')
        .argParser(parseHeader)
        .default({}, 'none'),
    )
    .option('--stdin', 'read messages from standard input, one JSON object a line')
    .addOption(new Option('--rate <n>', 'with --stdin: so many messages a second').argParser(parsePositive))
    .option(
      '--ordered',
      'with --stdin: send each line when the one before is stored, so that none overtakes it',
    )
    .addOption(new Option('--pace', 'with --stdin: each message at its own "at_ms"').conflicts('rate'))
    .addOption(timeoutOption('how long to try each message'))
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(send);
  return addConnectionOptions(command);
}

async function send(room: string, type: string | undefined, payload: string | undefined, options: Options) {
  checkUsage(type, options);
  const connection = connectionOf(options);
  const sender = new Sender(room, options, connection);
  const undo = onInterrupt(() => sender.interrupt());
  try {
    if (type === undefined) await sender.sendLines(process.stdin);
    else await sender.sendOne({ type, payload: payload ?? '' });
  } catch (error) {
    throw await explained(error, connection);
  } finally {
    undo();
    await sender.close();
  }
}

function checkUsage(type: string | undefined, { stdin, rate, pace, ordered, key }: Options): void {
  if (stdin && type !== undefined)
    throw new UsageError('with --stdin, the types are in the lines: leave TYPE out');
  if (stdin && key) throw new UsageError('with --stdin, the keys are in the lines: leave --key out');
  if (!stdin && type === undefined) throw new UsageError('TYPE is missing (or --stdin)');
  if (!stdin && (rate !== undefined || pace || ordered))
    throw new UsageError('--rate, --pace and --ordered need --stdin');
}

/** Publishes what one `send` was asked to, and reports it. */
class Sender {
  readonly #room: string;
  readonly #options: Options;
  readonly #defaults: OutgoingDefaults;
  readonly #client: LiveClient;
  readonly #output = new Output(process.stdout);
  readonly #abort = new AbortController();
  /** Why there is no connection, if there is none. */
  #trouble: LiveError | undefined;

  constructor(room: string, options: Options, connection: Connection) {
    const { class: deliveryClass, sender, header: headers } = options;
    this.#room = room;
    this.#options = options;
    // Every message on its way listens for the interruption.
    setMaxListeners(0, this.#abort.signal);
    this.#defaults = {
      headers,
      ...(deliveryClass === undefined
        ? {}
        : { class: deliveryClass === 'reliable' ? 'RELIABLE' : 'EPHEMERAL' }),
      ...(sender === undefined ? {} : { sender }),
    };
    this.#client = new LiveClient({ ...connection, clientName: 'live-cli' });
    this.#client.on('state', (state) => {
      if (state.kind === 'backoff') this.#trouble = state.cause;
      if (state.kind === 'live') this.#trouble = undefined;
    });
  }

  interrupt(): void {
    this.#abort.abort(new Interrupted('interrupted before the answer came'));
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** @throws LiveError if it was refused or not answered in time. */
  async sendOne(message: OutgoingMessage): Promise<void> {
    const { key = '' } = this.#options;
    const keyed = { ...this.#defaults, key: key === '' ? randomUUID() : key, ...message };
    await this.#report(keyed, await this.#publish(keyed));
  }

  /** Sends a message a line. Failures are reported and counted; the exit code tells of them. */
  async sendLines(input: Readable): Promise<void> {
    const { signal } = this.#abort;
    const unheard = new AbortController();
    this.#output.onFailed(() => {
      if (this.#cannotReport) unheard.abort();
    });
    const pacer = new Pacer(this.#pace(), systemClock, signal);
    const counts = { sent: 0, failed: 0 };
    const underWay: { report: Promise<void>; bytes: number }[] = [];
    let bytes = 0;
    let number = 0;
    for await (const line of readLines(input, AbortSignal.any([signal, unheard.signal]))) {
      number += 1;
      const outcome = await this.#begin(line, pacer);
      if (outcome === undefined) continue;
      if (signal.aborted || this.#cannotReport) break;
      const before = underWay.at(-1)?.report;
      if (before === undefined && outcome.kind === 'sent') {
        await outcome.result.catch(() => undefined);
        pacer.restart();
      }
      underWay.push({ report: this.#finish(number, outcome, before, counts), bytes: line.length });
      bytes += line.length;
      while (underWay.length > window.lines || bytes > window.bytes) {
        const oldest = underWay.shift();
        await oldest?.report;
        bytes -= oldest?.bytes ?? 0;
      }
    }
    await underWay.at(-1)?.report;
    if (!this.#options.json) process.stderr.write(`sent ${counts.sent}, failed ${counts.failed}\n`);
    if (signal.aborted) process.exitCode = exitCodes.interrupted;
    else if (counts.failed > 0) process.exitCode = exitCodes.failure;
  }

  /** Publishes a line when it is due, unless it is empty; what comes of it is looked at later, in order. */
  async #begin(input: InputLine, pacer: Pacer): Promise<Outcome | undefined> {
    let line: OutgoingLine;
    try {
      const text = textOf(input);
      if (text.trim() === '') return undefined;
      line = parseLine(text, this.#defaults);
    } catch (error) {
      return { kind: 'bad', error };
    }
    await pacer.due(line.atMs);
    const result = this.#publish(line.message);
    result.catch(() => undefined);
    return { kind: 'sent', message: line.message, result };
  }

  async #finish(
    number: number,
    outcome: Outcome,
    before: Promise<void> | undefined,
    counts: { sent: number; failed: number },
  ): Promise<void> {
    try {
      if (outcome.kind === 'bad') throw outcome.error;
      const result = await outcome.result;
      await before;
      counts.sent += 1;
      await this.#report(outcome.message, result, number);
    } catch (error) {
      await before;
      counts.failed += 1;
      await this.#reportFailure(number, error);
    }
  }

  async #publish(message: OutgoingMessage): Promise<PublishResult> {
    try {
      const { signal } = this.#abort;
      const { timeout, ordered = false } = this.#options;
      return await this.#client.publish(this.#room, message, { timeoutMs: timeout, signal, ordered });
    } catch (error) {
      if (!(error instanceof LiveError) || this.#trouble === undefined) throw error;
      const { code, reason, key } = error;
      const text = `${error.message}: ${this.#trouble.message}`;
      throw new LiveError(code, text, { reason, cause: error, ...(key === undefined ? {} : { key }) });
    }
  }

  #pace() {
    const { rate, pace } = this.#options;
    if (pace) return { kind: 'offsets' } as const;
    return rate === undefined ? ({ kind: 'none' } as const) : ({ kind: 'rate', perSecond: rate } as const);
  }

  #report(message: OutgoingMessage, result: PublishResult, line?: number): Promise<void> {
    const { type, key } = message;
    const fields = { ...(line === undefined ? {} : { line }), room: this.#room, type, key, ...result };
    return this.#print(this.#options.json ? jsonLine(fields) : publishedLine(this.#room, type, result));
  }

  async #reportFailure(line: number, error: unknown): Promise<void> {
    if (this.#options.json) {
      await this.#print(jsonLine({ line, room: this.#room, ...failureFields(error) }));
    } else {
      process.stderr.write(`line ${line}: ${errorText(error)}\n`);
    }
  }

  /** When nobody reads the reports any more, sending goes on; when they are lost, it ends, and is told at the end. */
  async #print(text: string): Promise<void> {
    await this.#output.line(text).catch(() => undefined);
  }

  get #cannotReport(): boolean {
    const { failure } = this.#output;
    return failure !== undefined && !isClosedPipe(failure);
  }
}

type Outcome =
  | { readonly kind: 'bad'; readonly error: unknown }
  | { readonly kind: 'sent'; readonly message: OutgoingMessage; readonly result: Promise<PublishResult> };
