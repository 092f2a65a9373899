import assert from 'node:assert/strict';
import type { From } from '../../client/index.ts';
import type { Place, PublishedMessage, Rewind, UnknownMessage } from '../../chaos/oracle/history.ts';
import { seededRandom } from '../../common/random.ts';
import { CoreGateway } from './core-gateway.ts';
import { assertGuarantees } from './guarantees.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryTransport } from './memory-transport.ts';
import { settle } from './settle.ts';
import { SimulatedViewer } from './simulated-viewer.ts';
import type { Snapshot } from './stream-model.ts';
import { StreamModel } from './stream-model.ts';

export const ROOMS = ['r', 'q'];
export const VIEWERS = 3;
const GATEWAYS = 2;
/** Longer than the longest pause between two checks of a silent room, and less than a viewer may be stuck. */
const QUIET_MS = 40_000;
/** Longer than it takes to end a repair, and to be certain of a rewind. */
const CERTAIN_MS = 5_000;
/** Payload that fills a page, in bytes. */
const PAGE_BYTES = 64;
/** Gateways that forget soon. */
const LIMITS = { roomLogBytes: 300, logBytes: 400, lingerMs: 2_000 };

/** What can happen to a viewer, without more to say about it. */
const TO_VIEWER = {
  stall: ({ transport }: SimulatedViewer) => transport.stall(),
  'let one through': ({ transport }: SimulatedViewer) => transport.step(),
  flow: ({ transport }: SimulatedViewer) => transport.flow(),
  'half-open': ({ transport }: SimulatedViewer) => transport.forget(),
  cut: ({ transport }: SimulatedViewer) => transport.cut(),
  'go away': ({ transport }: SimulatedViewer) => transport.goAway(),
  dawdle: (viewer: SimulatedViewer) => viewer.dawdle(),
  sip: (viewer: SimulatedViewer) => viewer.sip(),
  hasten: (viewer: SimulatedViewer) => viewer.hasten(),
};

/** What can happen in the world. */
export type Step =
  | readonly [keyof typeof TO_VIEWER, viewer: number]
  | readonly ['publish', room: string, more: number]
  | readonly ['publish oversized', room: string, count: number, bytes: number]
  | readonly ['deliver', index: number, repeated: boolean]
  | readonly ['lose', index: number]
  | readonly ['feed', 'delivered' | 'held']
  | readonly ['join', viewer: number, room: string, from: From]
  | readonly ['restart', viewer: number, 'clean' | 'killed']
  | readonly ['evict', count: number]
  | readonly ['purge', room: string, keep: number]
  | readonly ['delete', nth: number]
  | readonly ['back up']
  | readonly ['rewind', by: number, noticed: 'by the feed' | 'by a check']
  | readonly ['recreate']
  | readonly ['stream', 'missing' | 'back']
  | readonly ['short pages', messages: readonly number[]]
  | readonly ['leader', 'away' | 'present']
  | readonly ['leader lags', boolean]
  | readonly ['withhold answers']
  | readonly ['answer']
  | readonly ['settle']
  | readonly ['pass', ms: number];

/**
 * A stream, gateways in front of it, and viewers with the real client, whose links, applications and processes fail; all
 * of them on one clock that is moved by hand. Judged by the guarantees.
 */
export class SimulatedWorld {
  readonly stream = new StreamModel();
  readonly clock = new ManualClock();
  readonly gateways: CoreGateway[];
  readonly viewers: SimulatedViewer[];
  readonly #rewinds: Rewind[] = [];
  /** Messages that were removed without a trace. */
  readonly #untraceable = new Set<string>();
  #backup: Snapshot | undefined;
  #leader: 'present' | 'away' = 'present';
  #missing = false;

  constructor() {
    const { stream, clock } = this;
    stream.pageBytes = PAGE_BYTES;
    this.gateways = Array.from({ length: GATEWAYS }, () => new CoreGateway(stream, clock, LIMITS));
    const endpoints = new Map(this.gateways.map((gateway, n) => [`gateway-${n}:1`, gateway]));
    this.viewers = Array.from({ length: VIEWERS }, (_, n) => {
      return new SimulatedViewer(`v${n}`, stream, new MemoryTransport(endpoints), {
        clock,
        endpoints: [...endpoints.keys()],
        compression: n === 0 ? 'deflate' : 'none',
        random: seededRandom(n),
        backoff: { baseMs: 100, maxMs: 2_000 },
        connectTimeoutMs: 3_000,
        probeTimeoutMs: 1_000,
        roomWindowBytes: 1_000,
      });
    });
  }

  async apply(step: Step): Promise<void> {
    const { stream } = this;
    switch (step[0]) {
      case 'publish': {
        this.#publish(step[1], step[2] + 1, 'm');
        return;
      }
      case 'publish oversized': {
        this.#publish(step[1], step[2], 'x'.repeat(step[3]));
        return;
      }
      case 'deliver': {
        stream.deliver(step[1], step[2]);
        return;
      }
      case 'lose': {
        stream.lose(step[1]);
        return;
      }
      case 'feed':
        if (step[1] === 'delivered') stream.deliverAll();
        stream.feed = step[1];
        return;
      case 'join': {
        this.#viewer(step[1]).join(step[2], step[3]);
        return;
      }
      case 'restart': {
        // An application stores what it has looked at, not what is about to be handed to it.
        await this.#settle();
        this.#viewer(step[1]).restart(step[2]);
        return;
      }
      case 'evict': {
        stream.evictBefore(stream.firstSeq + step[1]);
        return;
      }
      case 'purge': {
        this.#purge(step[1], step[2]);
        return;
      }
      case 'delete': {
        this.#delete(step[1]);
        return;
      }
      case 'back up':
        this.#backup = stream.snapshot();
        return;
      case 'rewind':
        return this.#rewind(step[1], step[2]);
      case 'recreate':
        return this.#recreate();
      case 'stream':
        this.#missing = step[1] === 'missing';
        if (this.#missing) stream.loseAll();
        {
          this.#setLeader(this.#leader);
          return;
        }
      case 'short pages':
        stream.shortPages.push(...step[1]);
        return;
      case 'leader': {
        this.#setLeader(step[1]);
        return;
      }
      case 'leader lags':
        if (step[1]) stream.freezeLeader();
        else stream.thawLeader();
        return;
      case 'withhold answers': {
        stream.withholdAnswers();
        return;
      }
      case 'answer': {
        stream.answer();
        return;
      }
      case 'settle':
        return this.#settle();
      case 'pass':
        // A leader lags for a moment only, and answers or fails in time.
        if (step[1] > 250) stream.thawLeader();
        if (step[1] > 250) stream.answerAll();
        return this.#pass(step[1]);
      default:
        TO_VIEWER[step[0]](this.#viewer(step[1]));
    }
  }

  /** All troubles end, and everybody is given the time to get to the end. */
  async finish(): Promise<void> {
    const { stream } = this;
    stream.loseAll();
    stream.thawLeader();
    stream.shortPages.length = 0;
    stream.feed = 'delivered';
    this.#missing = false;
    this.#setLeader('present');
    stream.answerAll();
    await this.#pass(QUIET_MS);
    for (const viewer of this.viewers) {
      viewer.hasten();
      viewer.transport.flow();
    }
    await this.#pass(QUIET_MS);
    for (const room of [...ROOMS, ...ROOMS]) this.#publish(room, 1, 'last');
    // What retention had hidden of a rewind may only show now.
    await this.#pass(CERTAIN_MS);
  }

  /** Ends everything, and checks that nothing is left behind, and what every viewer was given against what was published. */
  async judge(): Promise<void> {
    for (const viewer of this.viewers) viewer.close();
    await this.#settle();
    for (const gateway of this.gateways) gateway.close();
    await settle();
    assert.equal(this.clock.pending, 0, 'timers left behind');
    assert.equal(this.stream.feeds, 0, 'feeds left behind');
    const watching = this.viewers.filter(({ events }) => events.length > 0);
    if (watching.length > 0) assertGuarantees({ ...this.#record(), viewers: watching.map((v) => v.history) });
    // Until a rewind is certain, pages may be of the history after it and the log of the one before. Clients join again.
    if (this.#rewinds.length > 0) return;
    for (const { name, violations } of this.viewers) {
      assert.equal(violations, 0, `${name} was sent what does not follow`);
    }
  }

  #record(): {
    published: PublishedMessage[];
    unknown: UnknownMessage[];
    rewinds: Rewind[];
    finalHeads: Map<string, Place>;
  } {
    const { stream } = this;
    const all = stream.stored.map(({ room, epoch, seq, content: { id }, history }) => {
      return { room, epoch, seq, id, history, kept: !stream.letGo.has(id), atMs: 0 };
    });
    const place = (room: string): Place => ({ epoch: stream.epoch, seq: stream.heldOf(room).at(-1) ?? 0 });
    return {
      published: all.filter(({ id }) => !this.#untraceable.has(id)),
      unknown: all.filter(({ id }) => this.#untraceable.has(id)),
      rewinds: this.#rewinds,
      finalHeads: new Map(ROOMS.map((room) => [room, place(room)])),
    };
  }

  #viewer(n: number): SimulatedViewer {
    return this.viewers[n]!;
  }

  #setLeader(leader: 'present' | 'away'): void {
    this.#leader = leader;
    this.stream.leader = this.#missing ? 'away' : leader;
  }

  #publish(room: string, count: number, text: string): void {
    if (this.#missing) return;
    for (let n = 0; n < count; n++) this.stream.publish(room, text);
  }

  /**
   * A purge leaves no trace for a viewer that stands at a mere position, not at a message: what it took may have been
   * delivered or not. What a viewer at a message is told is tested step by step.
   */
  #purge(room: string, keep: number): void {
    const { stream } = this;
    const held = stream.heldOf(room);
    const purged = held.slice(0, Math.max(0, held.length - keep));
    for (const seq of purged) this.#untraceable.add(stream.idOf(seq));
    stream.purge(room, (purged.at(-1) ?? 0) + 1);
  }

  /** Who did not have a message that was deleted on its own cannot be told. */
  #delete(nth: number): void {
    const { stream } = this;
    const seq = stream.firstSeq + nth;
    if (!stream.holds(seq)) return;
    this.#untraceable.add(stream.idOf(seq));
    stream.delete(seq);
  }

  /**
   * The stream is restored from the last backup, or has lost so many of its newest messages. What follows a message of
   * the feed is not told by its history: see {@link #recreate}. So either the feed says something of the new one, or
   * there is time to compare; and the leader answers, and lets go of nothing, for as long as it takes to be certain. Once
   * for each incarnation: after a rewind a room stands at a mere position, where the next one might begin.
   */
  async #rewind(by: number, noticed: 'by the feed' | 'by a check'): Promise<void> {
    const { stream } = this;
    if (this.#rewinds.some(({ epoch }) => epoch === stream.epoch)) return;
    const leader = this.#leader;
    await this.#forgetPast();
    this.#setLeader('present');
    await this.#pass(CERTAIN_MS);
    if (this.#backup?.epoch === stream.epoch) stream.restore(this.#backup);
    else stream.rewindTo(Math.max(0, stream.lastSeq - by));
    const { epoch, after } = stream.rewinds.at(-1)!;
    this.#rewinds.push({ epoch, after, atMs: this.clock.monotonicMs() });
    if (noticed === 'by the feed') this.#announceHistory();
    await this.#pass(noticed === 'by the feed' ? CERTAIN_MS : QUIET_MS);
    this.#setLeader(leader);
  }

  async #recreate(): Promise<void> {
    await this.#forgetPast();
    this.stream.recreate();
    this.#announceHistory();
  }

  /**
   * A feed message does not say which stream, or which history, it is from. So that no number continues another one by
   * chance, the old one's messages have arrived or are lost, and nobody answers for it any more …
   */
  async #forgetPast(): Promise<void> {
    const { stream } = this;
    stream.loseAll();
    stream.thawLeader();
    stream.answerAll();
    await this.#settle();
    this.#missing = false;
    this.#setLeader(this.#leader);
  }

  /** … and something of the new one arrives. */
  #announceHistory(): void {
    const { stream } = this;
    const { feed } = stream;
    stream.feed = 'delivered';
    for (const room of ROOMS) this.#publish(room, 1, 'first');
    stream.feed = feed;
  }

  async #pass(ms: number): Promise<void> {
    const stepMs = ms > 5_000 ? 500 : 100;
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(left, stepMs));
      await this.#settle();
    }
  }

  async #settle(): Promise<void> {
    do for (const gateway of this.gateways) await gateway.settle();
    while (this.gateways.some(({ busy }) => busy));
  }
}
