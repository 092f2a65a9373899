import type { ConnectionState, RoomEvent } from '../client/browser/index.ts';
import { LiveClient } from '../client/browser/index.ts';
import type { Gateways } from './gateways.ts';
import { Panel } from './panel.ts';
import { contentOf } from './show-message.ts';
import { Tunnel } from './tunnel.ts';

/** Quicker than is usual, so that one sees it happen: silence is suspicious when one heartbeat is missing. Times in milliseconds. */
const IMPATIENT = {
  silenceFactor: 1,
  probeTimeoutMs: 1_500,
  connectTimeoutMs: 3_000,
  backoff: { baseMs: 250, maxMs: 2_000 },
} as const;

/** So many of the latest messages are looked through for what still holds when a viewer comes. */
const LOOKED_THROUGH = 500;

/** What is particular to a viewer. */
interface Particulars {
  /** Whether it has a tunnel to go through. */
  readonly travels?: boolean;
  /** Whether it begins at the last of the gateways, not at the first: so that each has a viewer. */
  readonly beginsAtLast?: boolean;
}

/** A viewer of a room: a client, and what one sees of it. */
export class Viewer {
  readonly panel: Panel;
  readonly #client: LiveClient;
  readonly #room: string;
  readonly #gateways: Gateways;
  #lastSeq = 0n;
  #cursor = '–';
  #received = 0;
  #replayed = 0;
  #gaps = 0;
  #duplicates = 0;
  /** Between `joined` and `caught-up` comes what was missed. */
  #catchingUp = false;
  /** Before it has caught up for the first time, what comes was there before the viewer. */
  #isNew = true;
  #tellMuted: (muted: boolean) => void = () => undefined;
  #wasLive = false;

  constructor(name: string, room: string, gateways: Gateways, particulars: Particulars) {
    const { travels = false, beginsAtLast = false } = particulars;
    const tunnel = new Tunnel();
    this.panel = new Panel(name, travels ? (inside) => this.#drive(tunnel, inside) : undefined);
    this.#room = room;
    this.#gateways = gateways;
    this.#client = new LiveClient({
      ...IMPATIENT,
      endpoints: gateways.endpoints,
      random: beginningAt(beginsAtLast ? 'last' : 'first'),
      clientName: `demo/${name}`,
      WebSocket: tunnel.WebSocket,
    });
    this.#client.on('state', (state) => this.#onState(state));
  }

  /**
   * Follows the room, as long as that is possible.
   * @param tellMuted told whether all are muted: from before the viewer came, too
   */
  async watch(tellMuted: (muted: boolean) => void): Promise<void> {
    this.#tellMuted = tellMuted;
    try {
      const room = this.#client.join(this.#room, { from: { last: LOOKED_THROUGH } });
      for await (const event of room) this.#onEvent(event);
    } catch (error) {
      this.panel.event(error instanceof Error ? error.message : String(error));
    }
  }

  #drive(tunnel: Tunnel, inside: boolean): void {
    this.panel.event(inside ? 'into the tunnel' : 'out of the tunnel');
    if (inside) tunnel.enter();
    else tunnel.leave();
  }

  #onState(state: ConnectionState): void {
    this.panel.state(state.kind, this.#nameOf(state));
    if (state.kind === 'live') this.#wasLive = true;
    this.panel.gateway('endpoint' in state ? this.#gateways.nameOf(state.endpoint) : '–');
    this.panel.event(inWords(state));
  }

  #nameOf({ kind }: ConnectionState): string {
    switch (kind) {
      case 'suspect':
        return 'probing';
      case 'connecting':
      case 'backoff':
        return this.#wasLive ? 'reconnecting' : 'connecting';
      default:
        return kind;
    }
  }

  #onEvent(event: RoomEvent): void {
    switch (event.kind) {
      case 'joined':
        this.#catchingUp = true;
        this.panel.event(`joined, ${event.outcome.toLowerCase()} at #${event.cursor.seq}`);
        break;
      case 'caught-up':
        this.#catchingUp = this.#isNew = false;
        this.panel.event(`caught up at #${event.cursor.seq}`);
        break;
      case 'message':
        return this.#onMessage(event);
      case 'ephemeral':
        return this.panel.stage.comment(contentOf(event.message).text);
      case 'gap':
        this.#gaps += 1;
        this.panel.event(`gap: nothing is held between #${event.after} and #${event.next}`);
        break;
      case 'reset':
        this.panel.event(`the history is another one: ${event.cause.toLowerCase()}`);
        this.#lastSeq = 0n;
        break;
      case 'retrying':
        this.panel.event(event.error.message);
        return;
      default:
        return;
    }
    this.#cursor = `#${event.cursor.seq}`;
    this.#tellFigures();
  }

  #onMessage({ message, cursor }: Extract<RoomEvent, { kind: 'message' }>): void {
    const content = contentOf(message);
    if (message.seq <= this.#lastSeq) this.#duplicates += 1;
    this.#lastSeq = message.seq;
    this.#cursor = `#${cursor.seq}`;
    if (content.type === 'mute_all') this.#mute(content.mutes);
    if (this.#isNew) return;
    this.#received += 1;
    if (this.#catchingUp) this.#replayed += 1;
    this.panel.message(message.seq, content, this.#catchingUp);
    this.#tellFigures();
  }

  #mute(muted: boolean): void {
    this.panel.stage.mute(muted);
    this.#tellMuted(muted);
  }

  #tellFigures(): void {
    this.panel.figures({
      cursor: this.#cursor,
      received: this.#received,
      replayed: this.#replayed,
      gaps: this.#gaps,
      duplicates: this.#duplicates,
    });
  }
}

/** Chance, but for the choice of the first of two gateways. */
function beginningAt(which: 'first' | 'last'): () => number {
  let chosen = false;
  return () => {
    if (chosen) return Math.random();
    chosen = true;
    // They are shuffled: a small number exchanges the two.
    return which === 'last' ? 0 : 0.99;
  };
}

function inWords(state: ConnectionState): string {
  switch (state.kind) {
    case 'suspect':
      return `silent for ${seconds(state.silentMs)}: a probe is out`;
    case 'backoff':
      return `no connection, next attempt in ${seconds(state.delayMs)}: ${state.cause.message}`;
    case 'moving':
      return `sent to ${state.nextEndpoint} in ${seconds(state.afterMs)}`;
    case 'closed':
      return state.cause === undefined ? 'closed' : `closed: ${state.cause.message}`;
    default:
      return state.kind;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
