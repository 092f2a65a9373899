import type { ServiceClientConstructor } from '@grpc/grpc-js';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';

interface HealthReply {
  readonly status: string;
}

interface HealthClient {
  check(request: { service: string }, done: (error: ServiceError | null, reply?: HealthReply) => void): void;
  watch(request: { service: string }): ClientReadableStream<HealthReply>;
  close(): void;
}

function connect(address: string): HealthClient {
  const definition = loadPackageDefinition(loadSync(protoPath, { enums: String }));
  const { grpc } = definition as unknown as {
    grpc: { health: { v1: { Health: ServiceClientConstructor } } };
  };
  return new grpc.health.v1.Health(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
  }) as unknown as HealthClient;
}

/** A service's health as the standard health service tells it; absent name: the whole server's. */
export function health(address: string, service = ''): Promise<string> {
  const client = connect(address);
  return new Promise((resolve, reject) => {
    client.check({ service }, (error, reply) => {
      client.close();
      if (error) reject(error);
      else resolve(reply?.status ?? '');
    });
  });
}

/** Watches a server's health; every status that was told is added to `seen`. */
export function watchHealth(address: string): Disposable & { readonly seen: readonly string[] } {
  const client = connect(address);
  const seen: string[] = [];
  const call = client.watch({ service: '' });
  call.on('data', ({ status }: HealthReply) => seen.push(status)).on('error', () => undefined);
  return {
    seen,
    [Symbol.dispose]() {
      call.cancel();
      client.close();
    },
  };
}
