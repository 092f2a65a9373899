import type { Fault, FaultyLink } from '../../chaos/links/fault.ts';
import type { Output, Shaper, ShaperContext } from '../../chaos/links/segment.ts';
import { sleep } from '../../common/sleep.ts';
import type { NatsFrame } from './nats-frames.ts';
import { NatsFrames } from './nats-frames.ts';

/** What happens to a message; a delayed one is overtaken by those after it. */
export type MessageAction =
  | { readonly kind: 'drop' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'delay'; readonly delayMs: number };

/** Which messages from NATS are tampered with, and how. */
export interface MessageRule {
  /** `frame` is the whole MSG or HMSG with its header. */
  matches(subject: string, frame: Buffer): boolean;
  readonly action: MessageAction;
  /** How many matching messages are tampered with; default: all. */
  readonly times?: number;
}

/** A rule in force. */
export interface MessageRuleHandle {
  /** Messages tampered with so far. */
  readonly count: number;
  /** Ends the rule; messages already delayed still come when they are due. */
  lift(): void;
}

/** More delayed bytes than this, and reading from NATS waits for the next delayed message to leave. */
const DELAYED_BYTES_LIMIT = 1024 * 1024;

/**
 * Tampers with whole messages that a NATS server sends to a client, so that the client sees a healthy connection on which
 * messages are missing, repeated or late. It has to see the connection from its first byte: put it on the proxy
 * (`applyAll`) before the client connects, then add and lift rules as the test goes.
 */
export class NatsFilter implements Fault {
  readonly name = 'nats-filter';
  private readonly rules = new Set<CountedRule>();

  /** Puts a rule in force, on all links of this filter. Of several that match a message, the oldest decides. */
  add(rule: MessageRule): MessageRuleHandle {
    const counted = new CountedRule(rule);
    this.rules.add(counted);
    return {
      get count() {
        return counted.count;
      },
      lift: () => this.rules.delete(counted),
    };
  }

  /** @throws if the link has carried bytes from NATS already. */
  apply(link: FaultyLink, lifted: AbortSignal): void {
    if (link.bytes.down.received > 0)
      throw new Error('a NATS filter must see the connection from its first byte');
    link.shape('down', this.filter, lifted);
  }

  private readonly filter: Shaper = async (context) => {
    const frames = new NatsFrames();
    const delayed = new DelayLine(context);
    const flush = async (): Promise<void> => {
      await delayed.empty();
      await write(context.output, [frames.takeRest()]);
    };
    for await (const { segment } of context.input) {
      if (segment.kind === 'bytes') {
        await write(context.output, this.passing(frames.push(segment.bytes), delayed));
        await delayed.room();
      } else {
        await flush();
        await context.output.write(segment);
      }
    }
    await flush();
  };

  /** The bytes that pass now, in order. */
  private passing(frames: NatsFrame[], delayed: DelayLine): Buffer[] {
    return frames.flatMap(({ bytes, subject }) => {
      const action = subject === undefined ? undefined : this.decide(subject, bytes);
      switch (action?.kind) {
        case undefined:
          return [bytes];
        case 'drop':
          return [];
        case 'duplicate':
          return [bytes, bytes];
        case 'delay':
          delayed.add(bytes, action.delayMs);
          return [];
      }
    });
  }

  private decide(subject: string, frame: Buffer): MessageAction | undefined {
    for (const rule of this.rules) {
      if (rule.takes(subject, frame)) return rule.action;
    }
    return undefined;
  }
}

class CountedRule {
  count = 0;
  private readonly rule: MessageRule;

  constructor(rule: MessageRule) {
    this.rule = rule;
  }

  get action(): MessageAction {
    return this.rule.action;
  }

  takes(subject: string, frame: Buffer): boolean {
    const { times = Infinity } = this.rule;
    if (this.count >= times || !this.rule.matches(subject, frame)) return false;
    this.count += 1;
    return true;
  }
}

/** Messages that wait for their time, or for the fault to be lifted. */
class DelayLine {
  private readonly context: ShaperContext;
  private readonly waiting = new Set<Promise<void>>();
  private bytes = 0;

  constructor(context: ShaperContext) {
    this.context = context;
  }

  add(frame: Buffer, delayMs: number): void {
    const { clock, lifted, output } = this.context;
    this.bytes += frame.length;
    const sent = sleep(clock, delayMs, lifted).then(async () => {
      await write(output, [frame]);
      this.bytes -= frame.length;
      this.waiting.delete(sent);
    });
    this.waiting.add(sent);
  }

  /** Resolves when more may be added. */
  async room(): Promise<void> {
    while (this.bytes > DELAYED_BYTES_LIMIT) await Promise.race(this.waiting);
  }

  /** Resolves when every message has left. */
  async empty(): Promise<void> {
    while (this.waiting.size > 0) await Promise.all(this.waiting);
  }
}

async function write(output: Output, pieces: Buffer[]): Promise<void> {
  const bytes = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  if (bytes !== undefined && bytes.length > 0) await output.write({ kind: 'bytes', bytes });
}
