/** Who holds bytes of a message that is not complete. */
export interface Holder {
  /** What it holds, in bytes. */
  readonly held: number;
}

/** The most that may be held, in bytes. */
export interface ReceiveLimits {
  readonly total: number;
  readonly address: number;
  readonly connection: number;
}

/** What is held by the members of a group: calls of a connection, connections of an address, addresses of all. */
class Account<Member extends { readonly held: number }> {
  readonly limit: number;
  readonly members = new Set<Member>();
  held = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get exceeded(): boolean {
    return this.held > this.limit;
  }

  get largest(): Member | undefined {
    let largest: Member | undefined;
    for (const member of this.members)
      if (largest === undefined || member.held > largest.held) largest = member;
    return largest;
  }
}

type Connection<H extends Holder> = Account<H>;
type Remote<H extends Holder> = Account<Connection<H>>;

/** Where the bytes of a holder are counted. */
export interface Place<H extends Holder> {
  readonly connection: Connection<H>;
  readonly remote: Remote<H>;
}

/**
 * Counts the bytes of incomplete messages by connection, by address and all together. Where one of them has more than it may, who holds the most in it
 * pays: of all addresses the one with most, of its connections likewise, of that one's calls likewise. Whoever sends what others send, too, goes on.
 * Only what is held now is in here.
 */
export class ReceiveAccounts<H extends Holder> {
  readonly #limits: ReceiveLimits;
  readonly #all: Account<Remote<H>>;
  readonly #remotes = new Map<string, Remote<H>>();
  readonly #connections = new Map<object, Connection<H>>();

  constructor(limits: ReceiveLimits) {
    this.#limits = limits;
    this.#all = new Account(limits.total);
  }

  /** Bytes held by all together. */
  get held(): number {
    return this.#all.held;
  }

  /** From now on `holder` is counted, with nothing; until {@link leave}. */
  enter(holder: H, connection: object, address: string): Place<H> {
    const remote = this.#remotes.get(address) ?? new Account<Connection<H>>(this.#limits.address);
    const account = this.#connections.get(connection) ?? new Account<H>(this.#limits.connection);
    this.#remotes.set(address, remote);
    this.#connections.set(connection, account);
    this.#all.members.add(remote);
    remote.members.add(account);
    account.members.add(holder);
    return { connection: account, remote };
  }

  /** The holder holds `bytes` more than before. */
  add({ connection, remote }: Place<H>, bytes: number): void {
    connection.held += bytes;
    remote.held += bytes;
    this.#all.held += bytes;
  }

  /**
   * Who has to let go of everything because of what is held in a place, if somebody has. To be asked again once it has: it may hold less than
   * there is too much.
   */
  payer({ connection, remote }: Place<H>): H | undefined {
    if (connection.exceeded) return connection.largest;
    if (remote.exceeded) return remote.largest?.largest;
    if (this.#all.exceeded) return this.#all.largest?.largest?.largest;
    return undefined;
  }

  leave(holder: H, connection: object, address: string, place: Place<H>): void {
    const { connection: account, remote } = place;
    this.add(place, -holder.held);
    account.members.delete(holder);
    if (account.members.size > 0) return;
    this.#connections.delete(connection);
    remote.members.delete(account);
    if (remote.members.size > 0) return;
    this.#remotes.delete(address);
    this.#all.members.delete(remote);
  }
}
