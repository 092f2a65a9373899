import type { JetStreamManager, StreamInfo } from 'nats';
import { ErrorCode, NatsError } from 'nats';
import type { Clock } from '../../../common/clock.ts';
import type { Logger } from '../../observability/logging.ts';
import type { NatsConnection } from '../connection/connection.ts';
import { isCreator } from './creator.ts';
import { NotReadyError, retryUntilReady } from '../connection/retry-until-ready.ts';
import type { StreamSettings } from './stream-fields.ts';
import type { OriginName } from './origin-name.ts';
import { refuseOverlappingStreams } from './overlapping-streams.ts';
import type { OpenedStream } from './stream.ts';
import { ensureStream, REQUEST_TIMEOUT_MS } from './stream.ts';
import type { Subjects } from '../connection/subjects.ts';
import { apiPrefix } from '../connection/subjects.ts';

/** The stream that a gateway works with. */
export interface Opened {
  /** Its role, and whom publishes go to. */
  readonly stream: OpenedStream;
  readonly origin: OriginName;
  /** The JetStream of the origin. */
  readonly jsm: JetStreamManager;
}

/**
 * Opens JetStream with the stream as the gateway needs it, and waits while a cluster has no leader for it.
 * @param owned whether the NATS server is the gateway's own: its stream then follows the settings
 * @throws StreamMismatchError, or an error that says what stands in the way and what to do
 */
export function openStream(
  connection: NatsConnection,
  settings: StreamSettings & { readonly jsDomain: string | undefined },
  subjects: Subjects,
  owned: boolean,
  clock: Clock,
  logger: Logger,
): Promise<Opened> {
  const { nc } = connection;
  const api = apiPrefix(settings.jsDomain);
  const manager = (apiPrefix: string): Promise<JetStreamManager> =>
    nc.jetstreamManager({ checkAPI: false, timeout: REQUEST_TIMEOUT_MS, apiPrefix });
  return retryUntilReady(clock, logger, settings.jsDomain !== undefined, async () => {
    const jsm = await manager(api);
    const stream = await ensureStream({
      jsm,
      api,
      serverVersion: nc.info?.version ?? '',
      requirements: { settings, subjects },
      owned,
      isCreator: async () => {
        const creator = await isCreator(connection, subjects, settings.stream, clock);
        if (creator) await refuseOverlappingStreams(nc, settings, subjects, clock, undefined);
        return creator;
      },
      infoOf: (origin) => infoOfOrigin(manager, settings.stream, origin),
      logger,
    });
    await refuseOverlappingStreams(nc, settings, subjects, clock, stream);
    if (stream.kind === 'origin') return { stream, origin: { stream: settings.stream, api }, jsm };
    return { stream, origin: stream.origin, jsm: await manager(stream.origin.api) };
  });
}

/** @throws NotReadyError when nobody answers for the origin: without it nobody knows whose cursors the mirror honours */
async function infoOfOrigin(
  manager: (api: string) => Promise<JetStreamManager>,
  mirror: string,
  { api, stream }: OriginName,
): Promise<StreamInfo> {
  try {
    return await (await manager(api)).streams.info(stream);
  } catch (error) {
    const away = [ErrorCode.NoResponders, ErrorCode.Timeout].some(
      (code) => error instanceof NatsError && error.code === code.toString(),
    );
    if (!away) throw error;
    const message = `nobody answers for ${api}, where ${stream} is, the origin of the mirror ${mirror}: a gateway on a mirror starts only while the origin can be asked. If that is lost for good, let the mirror take its place (docs/scale.md)`;
    throw new NotReadyError(message, { cause: error });
  }
}
