import cluster from 'node:cluster';
import type { Gateway } from './gateway/gateway.ts';
import { startGateway } from './gateway/gateway.ts';
import type { NatsServers } from './gateway/nats-servers.ts';
import { hasSecondGateway, SecondGatewayHere } from './gateway/second-gateway.ts';
import type { GatewayCluster } from './workers/primary.ts';
import { startCluster } from './workers/primary.ts';
import { runWorker } from './workers/worker.ts';
import { redacted } from '../common/node/redact.ts';
import { natsAccess } from './gateway/nats-access.ts';
import { checkAccess } from './nats/access/proof.ts';
import { AccessError } from './nats/access/secret-file.ts';
import type { EndSignals } from './process/end-signals.ts';
import { exit } from './process/exit-codes.ts';
import { ConfigError, defaultConfig, parseConfig } from './config/config.ts';
import type { Invocation, ServerConfig } from './config/config.ts';
import { checkReport, reportText } from './config/report.ts';
import { checkStart } from './gateway/start-check.ts';
import { servesDemo } from './config/demo.ts';
import { SettingsReload } from './settings-reload.ts';
import type { Logger } from './observability/logging.ts';
import { createLogger } from './observability/logging.ts';

/** What live-server does, from its settings to its end. A worker is told by the primary when to leave, and by no signal. */
export async function run(signals: EndSignals): Promise<void> {
  if (cluster.isWorker) {
    runWorker();
    return;
  }
  hideCredentials();
  const { config, reading, reread } = await configure();
  const logger = createLogger(config.logLevel);
  signals.onInsisted(() => exit('interrupted'));
  const gateway = await start(config, logger, signals);
  const { address, http, metrics, nats, tls } = gateway;
  void gateway.failed.then((error) => {
    if (signals.asked.aborted) return;
    logger.fatal({ err: error }, 'cannot go on');
    exit('failed');
  });
  if (signals.asked.aborted) return drain(gateway, config, logger, signals);
  const apply = (changed: ServerConfig): void => gateway.reconfigure(changed);
  const settings = new SettingsReload({ ...reading, config }, reread, apply, logger);
  signals.asked.addEventListener('abort', () => void drain(gateway, settings.config, logger, signals));
  signals.onReload(() => {
    gateway.reload();
    if (reading.file !== undefined) settings.reload();
  });
  const demo = servesDemo(config) ? `${tls === 'off' ? 'http' : 'https'}://${http}/demo/` : undefined;
  const { stream, workers } = config;
  logger.info({ address, http, demo, tls, metrics, nats, stream, workers }, 'ready');
}

/** Whoever lists processes sees how this one was started. */
function hideCredentials(): void {
  const shown = [...process.argv.slice(0, 1), ...process.execArgv, ...process.argv.slice(1)].join(' ');
  if (redacted(shown) !== shown) process.title = redacted(shown);
}

function complain(error: unknown): void {
  process.stderr.write(`live-server: ${redacted(error instanceof Error ? error.message : String(error))}\n`);
}

type Serving = Extract<Invocation, { kind: 'serve' }>;

/** Ends the process unless there is something to be served. */
async function configure(): Promise<Serving> {
  try {
    const invocation = parseConfig(process.argv.slice(2), process.env);
    switch (invocation.kind) {
      case 'serve': {
        const access = natsAccess(invocation.config);
        if (access !== undefined) checkAccess(access);
        return invocation;
      }
      case 'check':
        return await check(invocation);
      case 'print':
        process.stdout.write(invocation.text);
        return exit('ok');
    }
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof AccessError)) throw error;
    complain(error);
    return exit('misuse');
  }
}

/** Tells what `--check` is to tell, and ends the process. */
async function check({ reading, form }: Extract<Invocation, { kind: 'check' }>): Promise<never> {
  const { outcome } = reading;
  const wrong = outcome.kind === 'wrong' ? outcome.problems : [];
  const found = await checkStart(outcome.kind === 'right' ? outcome.config : defaultConfig(outcome.values));
  const report = checkReport(reading, { ...found, problems: [...wrong, ...found.problems] });
  if (form === 'json') process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  else {
    process.stdout.write(`${reportText(report)}\n`);
    for (const warning of report.warnings) complain(`warning: ${warning}`);
    for (const problem of report.problems) complain(problem);
  }
  return exit(report.ok ? 'ok' : 'misuse');
}

/** Ends the process if it cannot be started, or was asked to end before it was. */
async function start(
  config: ServerConfig,
  logger: Logger,
  signals: EndSignals,
): Promise<Gateway | GatewayCluster> {
  const { asked } = signals;
  try {
    if (config.workers > 1) return await startCluster(config, logger, asked);
    const second = (nats: NatsServers) => new SecondGatewayHere(config, logger, nats, asked);
    return await startGateway(config, logger, { signal: asked, ...(hasSecondGateway(config) && { second }) });
  } catch (error) {
    if (asked.aborted) {
      logger.info({ signal: signals.signal }, 'stopped');
      return exit('ok');
    }
    logger.fatal({ err: error }, 'cannot start');
    complain(error);
    return exit('cannotStart');
  }
}

async function drain(
  gateway: Gateway | GatewayCluster,
  { drainMs }: ServerConfig,
  logger: Logger,
  { signal }: EndSignals,
): Promise<void> {
  logger.info({ signal, drainMs }, 'draining');
  try {
    await gateway.drain(drainMs);
  } catch (error) {
    logger.fatal({ err: error }, 'could not stop in order');
    exit('failed');
  }
  logger.info({}, 'stopped');
  exit('ok');
}
