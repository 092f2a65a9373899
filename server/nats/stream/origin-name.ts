import type { StreamConfig } from 'nats';

/** The stream that publishes go to, and whose identity cursors carry: that of the gateway, or the one that it mirrors. */
export interface OriginName {
  readonly stream: string;
  /** What the subjects of its JetStream API begin with. */
  readonly api: string;
}

/** What a mirror copies; undefined when the stream is none. */
export function mirroredBy({ mirror }: StreamConfig, api: string): OriginName | undefined {
  return mirror && { stream: mirror.name, api: mirror.external?.api ?? api };
}

/** The JetStream domain that an API belongs to; undefined: it does not say. */
export function domainOf(api: string): string | undefined {
  return /^\$JS\.([^.]+)\.API$/.exec(api)?.[1];
}
