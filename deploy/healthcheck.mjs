/*
 * Asks the gateway of this container whether it serves (grpc.health.v1.Health/Check): exit code 0 if it does. It is asked where LIVE_LISTEN says; with TLS, which may ask for a
 * certificate that is not here, only whether it is there.
 */
import { connect } from 'node:net';
import process from 'node:process';
import { setTimeout } from 'node:timers';
import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';

const TIMEOUT_MS = 4_000;
const [, host = '', port] = /^(.*):(\d+)$/.exec(process.env.LIVE_LISTEN || '127.0.0.1:50051') ?? [];
// Whoever listens on all addresses does so on this one.
const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '[::]' ? '[::1]' : host;

setTimeout(() => process.exit(1), TIMEOUT_MS);
if (process.env.LIVE_TLS_CERT) {
  connect(Number(port), reached.replace(/^\[|\]$/g, ''), () => process.exit(0)).on('error', () =>
    process.exit(1),
  );
} else {
  const Health = makeGenericClientConstructor(service, 'Health');
  new Health(`${reached}:${port}`, credentials.createInsecure()).check({ service: '' }, (error, answer) =>
    process.exit(error === null && answer.status === 'SERVING' ? 0 : 1),
  );
}
