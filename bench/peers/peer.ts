import type { MakeReceiver } from '../wire/receiver.ts';

/** Whether a peer can be run here. */
export type Installed =
  | { readonly kind: 'installed'; readonly version: string }
  /** `install` is what to do about it, for people. */
  | { readonly kind: 'missing'; readonly install: string };

/** What a scenario asks of a peer that is about to start. */
export interface StartOptions {
  /** A directory of its own, empty; removed afterwards. */
  readonly directory: string;
  /** Messages of a room that can be replayed, where the peer has to be told. */
  readonly history?: number | undefined;
}

/** A peer that runs. */
export interface RunningPeer {
  readonly subscribePort: number;
  /** By way of publishing; see {@link Peer.publish}. */
  readonly publishPorts: Readonly<Record<string, number>>;
  /** All processes that serve. */
  readonly pids: readonly number[];
  /** Those of them that know of viewers; absent: all. */
  readonly viewerPids?: readonly number[];
  stop(): Promise<void>;
}

/** A publisher's connection. */
export interface Publication {
  /** Hands over one message; it may wait for `flush`. */
  send(room: string, payload: string): void;
  /** Sends what waits; resolves when more may be handed over. */
  flush(): Promise<void> | void;
  /** Publishes one message and resolves when the peer has stored it; absent where there is no such thing. */
  acknowledged?(room: string, payload: string): Promise<void>;
  close(): Promise<void> | void;
}

/** A server that is measured. One is started for a scenario, driven and stopped. */
export interface Peer {
  readonly name: string;
  installed(): Promise<Installed>;
  start(options: StartOptions): Promise<RunningPeer>;
  /** The subscriber's side of its protocol; runs in the subscribers' process. */
  readonly subscriber: MakeReceiver;
  /** One that takes messages compressed, and cannot count them; absent where there is no such thing. */
  readonly compressed?: MakeReceiver;
  /** One that begins with the oldest message held; absent where nothing is held. */
  readonly replayer?: MakeReceiver;
  /** Ways to publish, `natural` first of all; they run in the publisher's process. */
  readonly publish: Readonly<Record<string, (port: number) => Promise<Publication>>>;
}
