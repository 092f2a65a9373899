import { element, find, icon, prefersStillness } from './dom.ts';
import type { Content } from './show-message.ts';

/** Lines that comments fly on, and how many there are at most at a time. */
const LANES = 5;
const MOST_BULLETS = 24;
const MOST_GIFTS = 4;
/** How long a gift and a question are in the picture, in milliseconds. */
const GIFT_MS = 5_000;
const QUESTION_MS = 8_000;

/** The picture of a viewer, and what flies over it. */
export class Stage {
  readonly #bullets: HTMLElement;
  readonly #gifts: HTMLElement;
  readonly #question: HTMLElement;
  readonly #muted: HTMLElement;
  #lane = 0;
  #questionTimer = 0;

  constructor(panel: ParentNode) {
    this.#bullets = find(panel, '.bullets');
    this.#gifts = find(panel, '.gifts');
    this.#question = find(panel, '.question');
    this.#muted = find(panel, '.muted-banner');
  }

  /** A comment flies by, unless all are muted; it stands where nothing is to move. */
  comment(text: string): void {
    if (!this.#muted.hidden) return;
    const bullet = element('span', 'bullet', text);
    bullet.style.setProperty('--lane', String(this.#lane++ % LANES));
    bullet.addEventListener('animationend', () => bullet.remove());
    this.#bullets.append(bullet);
    const most = prefersStillness() ? LANES : MOST_BULLETS;
    while (this.#bullets.childElementCount > most) this.#bullets.firstElementChild?.remove();
  }

  /** The audience has its say no more, or again. */
  mute(muted: boolean): void {
    this.#muted.hidden = !muted;
    if (muted) this.#bullets.replaceChildren();
  }

  /** A reliable message does what its type says; what lasts is told by {@link mute}. */
  show(content: Content): void {
    switch (content.type) {
      case 'question':
        return this.#ask(content.text);
      case 'mute_all':
        return;
      default:
        return this.#give(content);
    }
  }

  #give({ icon: name, text }: Content): void {
    const gift = element('span', 'gift');
    gift.append(icon(name), text);
    this.#gifts.append(gift);
    if (this.#gifts.childElementCount > MOST_GIFTS) this.#gifts.firstElementChild?.remove();
    setTimeout(() => gift.remove(), GIFT_MS);
  }

  #ask(text: string): void {
    clearTimeout(this.#questionTimer);
    this.#question.textContent = text;
    this.#question.hidden = false;
    this.#questionTimer = window.setTimeout(() => (this.#question.hidden = true), QUESTION_MS);
  }
}
