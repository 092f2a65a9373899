import type { ClientOptions, Counters, JoinOptions, OutgoingMessage } from '../../client/index.ts';

/** What tests ask of the viewer in a page. */
export interface ViewerOptions extends Omit<ClientOptions, 'clock' | 'random' | 'logger' | 'cursorStore'> {
  readonly rooms: readonly string[];
  readonly join?: JoinOptions;
  /** Keep cursors in IndexedDB. */
  readonly stores?: boolean;
  /** After it has joined, it handles nothing until `handleAll` is called. */
  readonly holds?: boolean;
  /** How much there is to do with each event: numbers that are parsed. */
  readonly work?: number;
  /** Where tokens are got from, as text. */
  readonly tokens?: string;
}

/** The viewer in a page: what it gives can be JSON. */
export interface Viewer {
  /** What it has seen, in words. */
  readonly seen: string[];
  /** The states of its connection, and when each began, in milliseconds since the Unix epoch. */
  readonly states: { readonly kind: string; readonly at: number }[];
  readonly state: string;
  readonly counters: Counters;
  start(options: ViewerOptions): void;
  /** Ends what `holds` began. */
  handleAll(): void;
  /** The sequence, or the error in words. */
  publish(room: string, message: OutgoingMessage): Promise<string>;
  /** The head, or the error in words. */
  room(room: string): Promise<string>;
  /** What came, in words. */
  pull(room: string): Promise<string[]>;
  close(): Promise<void>;
}
