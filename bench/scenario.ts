import type { Peer } from './peers/peer.ts';

/** What a number says and how it is shown. */
export interface Metric {
  readonly key: string;
  readonly title: string;
  readonly digits: number;
  /** Which way is better; the first metric of a scenario with a way is compared between peers. */
  readonly better?: 'more' | 'less';
}

/** How busy the machine was with other things meanwhile. */
export const OTHERS: Metric = { key: 'others', title: 'others, cores', digits: 2 };

/** Results of one run, by the keys of the scenario's metrics. NaN: not measured. */
export type Numbers = Readonly<Record<string, number>>;

/** Where and how large a case is run. */
export interface Circumstances {
  readonly peer: Peer;
  /** A directory of the run's own. */
  readonly directory: string;
  /** A run that only shows that everything works: small and short. */
  readonly quick: boolean;
  /** File with a recorded chat, if one was given. */
  readonly chat?: string | undefined;
}

/** One row of a scenario for every peer that takes part. */
export interface Case {
  readonly title: string;
  run(circumstances: Circumstances): Promise<Numbers>;
}

/** A question, and how it is put to the peers. */
export interface Scenario {
  readonly name: string;
  readonly question: string;
  /** What the user has to give, or it is left out. */
  readonly needs?: 'chat';
  /** Names of the peers that take part; absent: all. */
  readonly peers?: readonly string[];
  readonly metrics: readonly Metric[];
  readonly cases: readonly Case[];
  /** At most so many rounds, where one takes long; absent: as many as asked for. */
  readonly rounds?: number;
}
