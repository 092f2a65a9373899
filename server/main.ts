#!/usr/bin/env node
import cluster from 'node:cluster';
import { exit } from './exit-codes.ts';
import { startGateway } from './app.ts';
import { startCluster } from './cluster/primary.ts';
import { runWorker } from './cluster/worker.ts';
import { ConfigError, parseConfig } from './ops/config.ts';
import type { ServerConfig } from './ops/config.ts';
import { createLogger } from './ops/logging.ts';

/** Signals so close together are one wish, in milliseconds. */
const SAME_SIGNAL_MS = 500;

function configure(): ServerConfig {
  try {
    const invocation = parseConfig(process.argv.slice(2), process.env);
    if (invocation.kind === 'serve') return invocation.config;
    process.stdout.write(invocation.text);
    return exit('ok');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`live-server: ${error.message}\n`);
    return exit('misuse');
  }
}

async function main(): Promise<void> {
  const config = configure();
  const logger = createLogger(config.logLevel);
  const starting = config.workers === 1 ? startGateway(config, logger) : startCluster(config, logger);
  const gateway = await starting.catch((error: unknown) => {
    logger.fatal({ err: error }, 'cannot start');
    process.stderr.write(`live-server: ${error instanceof Error ? error.message : String(error)}\n`);
    return exit('cannotStart');
  });
  let stoppingSinceMs: number | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now();
    if (stoppingSinceMs !== undefined) {
      // Whoever asks twice does not want to wait. Ctrl-C under npm arrives twice at once, though: that is one.
      if (nowMs - stoppingSinceMs > SAME_SIGNAL_MS) exit('interrupted');
      return;
    }
    stoppingSinceMs = nowMs;
    logger.info({ signal, drainMs: config.drainMs }, 'draining');
    gateway.drain(config.drainMs).then(
      () => {
        logger.info({}, 'stopped');
        exit('ok');
      },
      (error: unknown) => {
        logger.fatal({ err: error }, 'could not stop in order');
        exit('failed');
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  void gateway.failed.then((error) => {
    if (stoppingSinceMs !== undefined) return;
    logger.fatal({ err: error }, 'cannot go on');
    exit('failed');
  });
  const { address, metrics, nats } = gateway;
  logger.info({ address, metrics, nats, stream: config.stream, workers: config.workers }, 'ready');
}

if (cluster.isWorker) runWorker();
else await main();
