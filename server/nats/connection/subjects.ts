/** What a deployment's subjects begin with unless a setting says otherwise. */
export const DEFAULT_PREFIX = 'live';

/** How a stream republishes what it stores. */
export interface Republishing {
  readonly src: string;
  readonly dest: string;
}

/** The NATS subjects of one deployment: gateways with the same prefix serve the same rooms. */
export class Subjects {
  readonly #prefix: string;
  /** Name of the mirror whose feed this is; undefined: that of the stream that publishes go to. */
  readonly mirror: string | undefined;

  /** @param prefix one NATS token; what all subjects begin with */
  constructor(prefix: string = DEFAULT_PREFIX, mirror?: string) {
    this.#prefix = prefix;
    this.mirror = mirror;
  }

  /** The same rooms, with the feed of a mirror of the stream: a message that both republish must not come twice. */
  ofMirror(stream: string): Subjects {
    return new Subjects(this.#prefix, stream);
  }

  /** Subject of a room's reliable messages, stored by the stream. */
  room(room: string): string {
    return `${this.#prefix}.room.${room}`;
  }

  /** Subject under which the stream republishes what it has stored of a room. */
  feed(room: string): string {
    const feed = this.mirror === undefined ? 'feed' : `feed.${this.mirror}`;
    return `${this.#prefix}.${feed}.${room}`;
  }

  /** Subject of a room's ephemeral messages. */
  ephemeral(room: string): string {
    return `${this.#prefix}.eph.${room}`;
  }

  isEphemeral(subject: string): boolean {
    return subject.startsWith(this.ephemeral(''));
  }

  /** Subject on which the gateways tell each other how many viewers their rooms have. */
  get gateways(): string {
    return `${this.#prefix}.gateways`;
  }

  /** Subject on which gateways that find the stream absent agree on who creates it. */
  creation(stream: string): string {
    return `${this.#prefix}.create.${stream}`;
  }

  /** What the stream stores. */
  get stored(): string {
    return this.room('*');
  }

  /** How the stream republishes it. */
  get republish(): Republishing {
    return { src: this.stored, dest: this.feed('{{wildcard(1)}}') };
  }
}

/** What the subjects of the JetStream API of the NATS account itself begin with. */
export const DEFAULT_API = '$JS.API';

/** What the subjects of the JetStream API begin with: that of the NATS account, or of one of its JetStream domains. */
export function apiPrefix(domain: string | undefined): string {
  return domain === undefined ? DEFAULT_API : `$JS.${domain}.API`;
}
