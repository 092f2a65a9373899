import type { StreamConfig } from 'nats';
import { defaultConfig } from '../../server/config/config.ts';
import { Subjects } from '../../server/nats/connection/subjects.ts';
import { streamConfig } from '../../server/nats/stream/stream.ts';

export const MIRROR = 'LIVE_EU';

/**
 * A mirror of `LIVE` as an operator makes it.
 * @param api what the subjects of the JetStream API begin with where `LIVE` is; absent: it is in the same
 * @param replicas servers that keep a copy of the mirror
 */
export function mirrorConfig(api?: string, replicas = 1): Partial<StreamConfig> & { name: string } {
  const subjects = new Subjects().ofMirror(MIRROR);
  const settings = defaultConfig({ stream: MIRROR });
  const { max_age, max_bytes } = streamConfig({ settings, subjects }) as StreamConfig;
  const external = api === undefined ? {} : { external: { api, deliver: '' } };
  return {
    name: MIRROR,
    max_age,
    max_bytes,
    num_replicas: replicas,
    republish: subjects.republish,
    mirror: { name: 'LIVE', ...external },
  };
}
