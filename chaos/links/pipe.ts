import type { Socket } from 'node:net';
import type { Clock } from '../../common/clock.ts';
import type { ByteCount } from './fault.ts';
import type { Output, Segment, Shaper } from './segment.ts';
import { SocketSink } from './socket-sink.ts';
import { Stage } from './stage.ts';

/**
 * One direction of a link: source socket → stages → sink socket. Without stages bytes go straight through. The source
 * is paused while the first stage or the sink asks for it, so nothing is buffered without bound.
 */
export class Pipe implements ByteCount {
  received = 0;
  readonly #clock: Clock;
  readonly #source: Socket;
  readonly #sink: SocketSink;
  readonly #stages: Stage[] = [];

  constructor(source: Socket, sink: Socket, clock: Clock) {
    this.#clock = clock;
    this.#source = source;
    this.#sink = new SocketSink(sink);
    source.on('data', (bytes: Buffer) => this.#receive(bytes));
    source.on('end', () => void this.enter({ kind: 'fin' }));
    source.on('close', () => {
      if (!source.readableEnded || source.errored !== null) void this.enter({ kind: 'rst' });
    });
  }

  get forwarded(): number {
    return this.#sink.forwarded;
  }

  /** Puts a segment into the chain as if it had come from the source. */
  enter(segment: Segment): Promise<void> | undefined {
    return (this.#stages[0] ?? this.#sink).write(segment);
  }

  /** Puts `shaper` last in the chain, until `lifted` aborts and its queue is empty. Rejects with the shaper's error. */
  async shape(shaper: Shaper, lifted: AbortSignal): Promise<void> {
    const stage = new Stage(this.#sink, this.#clock);
    const before = this.#stages.at(-1);
    this.#stages.push(stage);
    if (before !== undefined) before.next = stage;
    await stage.run(shaper, lifted, () => this.#remove(stage));
  }

  #receive(bytes: Buffer): void {
    this.received += bytes.length;
    const room = this.enter({ kind: 'bytes', bytes });
    if (room === undefined) return;
    this.#source.pause();
    void room.then(() => this.#source.resume());
  }

  #remove(stage: Stage): void {
    const index = this.#stages.indexOf(stage);
    const before = this.#stages[index - 1];
    const after: Output = this.#stages[index + 1] ?? this.#sink;
    if (before !== undefined) before.next = after;
    this.#stages.splice(index, 1);
  }
}
