import type { OutgoingMessage } from '../client/browser/index.ts';
import { LiveClient } from '../client/browser/index.ts';
import { find } from './dom.ts';
import type { Gateways } from './gateways.ts';

const GIFTS = ['A rose', 'A bouquet', 'A balloon', 'A cake', 'A kite', 'A rocket', 'A castle'];
const QUESTIONS = [
  'How many hearts has an octopus?',
  'Which planet has the longest day?',
  'What was the first live broadcast?',
];
const COMMENTS = [
  'hello from Lisbon',
  'what a night!',
  'encore, encore',
  'first time here',
  'the drummer!!',
  'louder please',
  'greetings from the train',
  'my favourite song',
  'is this live?',
  'wow',
];
/** How often the audience says something, in milliseconds. */
const CHATTER_MS = 1_100;

type Kind = 'gift' | 'question' | 'mute' | 'comment';

/** Where one publishes to the room: as a backend would, with a client of its own. */
export class Desk {
  readonly #room: string;
  readonly #client: LiveClient;
  readonly #said: HTMLElement;
  readonly #mute: HTMLElement;
  #gifts = 0;
  #questions = 0;
  #muted = false;

  constructor(room: string, { endpoints }: Gateways, page: ParentNode) {
    this.#room = room;
    this.#client = new LiveClient({ endpoints, clientName: 'demo/desk' });
    this.#said = find(page, '#said');
    this.#mute = find(page, '[data-publish=mute]');
    for (const button of page.querySelectorAll<HTMLElement>('[data-publish]'))
      button.addEventListener('click', () => void this.#publish(button.dataset['publish'] as Kind));
    const chatter = find<HTMLInputElement>(page, '#chatter');
    setInterval(() => {
      if (chatter.checked && !this.#muted && !document.hidden) void this.#chat();
    }, CHATTER_MS);
  }

  /** As viewers have heard, whoever did it and whenever that was. */
  roomIsMuted(muted: boolean): void {
    this.#muted = muted;
    this.#mute.setAttribute('aria-pressed', String(muted));
  }

  async #publish(kind: Kind): Promise<void> {
    const message = this.#message(kind);
    try {
      const result = await this.#client.publish(this.#room, message);
      const { text } = JSON.parse(String(message.payload)) as { readonly text: string };
      this.#said.textContent = 'seq' in result ? `Stored as #${result.seq}: ${text}` : `Sent: ${text}`;
    } catch (error) {
      this.#said.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  /** What nobody reads is not worth an error. */
  async #chat(): Promise<void> {
    await this.#client.publish(this.#room, this.#message('comment')).catch(() => undefined);
  }

  #message(kind: Kind): OutgoingMessage {
    switch (kind) {
      case 'gift':
        return { type: 'gift', payload: told(GIFTS, this.#gifts++) };
      case 'question':
        return { type: 'question', payload: told(QUESTIONS, this.#questions++) };
      case 'comment':
        return { type: 'comment', payload: told(COMMENTS, Math.floor(Math.random() * COMMENTS.length)) };
      case 'mute': {
        const muted = !this.#muted;
        const text = muted ? 'All are muted' : 'All may speak again';
        return { type: 'mute_all', payload: JSON.stringify({ text, muted }) };
      }
    }
  }
}

function told(texts: readonly string[], nth: number): string {
  return JSON.stringify({ text: texts[nth % texts.length] });
}
