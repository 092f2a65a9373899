/**
 * The element that a selector names within another one.
 * @throws when there is none: the page is not the one that belongs to this script
 */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- as querySelector: whoever asks knows what the page has there
export function find<E extends Element = HTMLElement>(within: ParentNode, selector: string): E {
  const found = within.querySelector<E>(selector);
  if (found === null) throw new Error(`the page has no ${selector}`);
  return found;
}

/** An element with a text, which is never taken for HTML: anybody may have sent it. */
export function element(name: string, className: string, text = ''): HTMLElement {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

/** A symbol of the page. */
export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  svg.append(use);
  return svg;
}

/** Puts an entry first in a list that keeps so many of the latest. */
export function putFirst(list: Element, entry: Element, most: number): void {
  list.prepend(entry);
  while (list.childElementCount > most) list.lastElementChild?.remove();
}

/** Whether whoever looks at the page wants nothing on it to move. */
export function prefersStillness(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
