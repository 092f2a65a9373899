import type { ServiceError } from '@grpc/grpc-js';
import { credentials, Metadata } from '@grpc/grpc-js';
import type { BanRequestInput } from '../../protos/gen/live/v1/BanRequest.ts';
import { ModerationStub } from '../../protos/moderation.ts';

/** Asks for a ban, as any client of gRPC would. `OK`, or the reason and what the text says. */
export function askForBan(
  address: string,
  token: string | undefined,
  request: BanRequestInput,
): Promise<string> {
  const stub = new ModerationStub(address, credentials.createInsecure());
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  return new Promise((resolve) =>
    stub.ban(request, metadata, (error: ServiceError | null) => {
      stub.close();
      resolve(error ? `${String(error.metadata.get('live-reason')[0])}: ${error.details}` : 'OK');
    }),
  );
}
