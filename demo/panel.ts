import type { ConnectionState } from '../client/browser/index.ts';
import { element, find, icon, putFirst } from './dom.ts';
import type { Content } from './show-message.ts';
import { Stage } from './stage.ts';

/** Entries that the lists keep. */
const MOST_MESSAGES = 50;
const MOST_EVENTS = 30;

/** What is counted of a viewer. */
export interface Figures {
  readonly cursor: string;
  readonly received: number;
  readonly replayed: number;
  readonly gaps: number;
  readonly duplicates: number;
}

/** What one sees of a viewer. */
export class Panel {
  readonly root: HTMLElement;
  readonly stage: Stage;
  readonly #messages: HTMLElement;
  readonly #events: HTMLElement;

  /** @param throughTunnel told when its switch is turned; absent: the viewer stays where it is */
  constructor(name: string, throughTunnel?: (inside: boolean) => void) {
    const template = find<HTMLTemplateElement>(document, '#viewer').content.cloneNode(
      true,
    ) as DocumentFragment;
    this.root = find(template, '.viewer');
    const title = find(this.root, 'h2');
    title.textContent = name;
    title.id = `viewer-${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
    this.root.setAttribute('aria-labelledby', title.id);
    this.stage = new Stage(this.root);
    this.#messages = find(this.root, '.messages');
    this.#messages.setAttribute('aria-label', `Messages of ${name}`);
    this.#events = find(this.root, '.events');
    this.#events.setAttribute('aria-label', `Connection of ${name}`);
    this.#tunnel(throughTunnel);
  }

  /** The state of the connection, by the name that it is shown under. */
  state(kind: ConnectionState['kind'], shown: string): void {
    const state = find(this.root, '[data-field=state]');
    // What is the same is not to be read out again.
    if (state.textContent !== shown) state.textContent = shown;
    state.dataset['kind'] = kind;
    find(this.root, '.dark span').textContent = inTheDark(kind);
  }

  /** The gateway that it is at, by its name. */
  gateway(name: string): void {
    find(this.root, '[data-field=gateway]').textContent = name;
  }

  figures(figures: Figures): void {
    for (const [field, value] of Object.entries(figures) as [string, number | string][])
      find(this.root, `[data-field=${field}]`).textContent = String(value);
  }

  /** A reliable message has come. */
  message(seq: bigint, content: Content, replayed: boolean): void {
    const entry = element('li', replayed ? 'message replayed' : 'message');
    entry.dataset['seq'] = String(seq);
    const text = element('span', 'text', content.text);
    entry.append(icon(content.icon), text, element('span', 'seq', `#${seq}`));
    if (replayed) text.after(element('span', 'badge', 'replayed'));
    putFirst(find(this.#messages, 'ol'), entry, MOST_MESSAGES);
    this.stage.show(content);
  }

  /** Something has happened to the connection. */
  event(text: string): void {
    const entry = element('li', 'event');
    const time = new Date().toLocaleTimeString('en-GB');
    entry.append(element('time', '', time), text);
    putFirst(find(this.#events, 'ol'), entry, MOST_EVENTS);
  }

  #tunnel(throughTunnel: ((inside: boolean) => void) | undefined): void {
    const tunnel = find<HTMLInputElement>(this.root, '[data-field=tunnel]');
    if (throughTunnel === undefined) {
      tunnel.closest('label')?.remove();
      return;
    }
    tunnel.checked = false;
    tunnel.addEventListener('change', () => {
      this.root.classList.toggle('in-tunnel', tunnel.checked);
      throughTunnel(tunnel.checked);
    });
  }
}

/** What a viewer in the tunnel knows of it. */
function inTheDark(kind: ConnectionState['kind']): string {
  switch (kind) {
    case 'live':
      return 'In the tunnel. Nothing comes, and nobody says so';
    case 'suspect':
      return 'It is too silent: is anybody there?';
    default:
      return 'The connection is dead. Trying again';
  }
}
