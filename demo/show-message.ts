import type { EphemeralMessage, Message } from '../client/browser/index.ts';

/** The longest text that is shown of a message, in characters. */
const LONGEST = 80;

/** What is shown of a message. */
export interface Content {
  readonly type: string;
  /** The name of a symbol of the page. */
  readonly icon: 'gift' | 'question' | 'mute' | 'message';
  readonly text: string;
  /** Whether it takes the audience's word. */
  readonly mutes: boolean;
}

const ICONS = new Map<string, Content['icon']>([
  ['gift', 'gift'],
  ['red_packet', 'gift'],
  ['question', 'question'],
  ['mute_all', 'mute'],
]);

/** What is shown of a message, whoever has sent it: a JSON object with a text, or any other text. */
export function contentOf({ type, payload }: Message | EphemeralMessage): Content {
  const text = new TextDecoder().decode(payload);
  const { text: said = text, muted = true } = parse(text);
  return {
    type,
    icon: ICONS.get(type) ?? 'message',
    text: (typeof said === 'string' && said !== '' ? said : type).slice(0, LONGEST),
    mutes: muted !== false,
  };
}

function parse(text: string): { readonly text?: unknown; readonly muted?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
