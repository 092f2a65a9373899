import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../chaos/run/backend/ports.ts';
import type { Identity } from './certificates.ts';
import { until } from './poll.ts';

const CONFIGURATIONS = fileURLToPath(new URL('../../deploy/proxies/', import.meta.url));
/** Where `test/proxies/setup.sh` has put the programs. */
const PROGRAMS = join(process.env['LIVE_TEST_PROXIES'] ?? '', 'bin');

/** Texts of a configuration, and what stands there in their place. Each has to be in it. */
export type Replacements = Readonly<Record<string, string>>;

/** Where a gateway is reached, as `host:port`. */
export interface GatewayAddresses {
  /** `--listen` */
  readonly grpc: string;
  /** `--http` */
  readonly web: string;
}

/** Where a proxy runs, and for whom. */
export interface ProxySite {
  /** For its configuration, its log and whatever else it writes. */
  readonly directory: string;
  /** Where it is to listen, on loopback. */
  readonly port: number;
  readonly gateways: readonly [GatewayAddresses, GatewayAddresses];
  readonly identity: Identity;
}

/** A proxy that docs/proxies.md tells how to configure. */
export interface ProxyKind {
  readonly name: 'nginx' | 'haproxy' | 'caddy';
  /** The file in deploy/proxies. */
  readonly configuration: string;
  /** What differs between what is documented and what can run in a directory, by an ordinary user. */
  replacements(site: ProxySite): Replacements;
  /** Arguments with which it stays in the foreground. */
  arguments(configurationFile: string, site: ProxySite): readonly string[];
}

/** `describe`, or where the program is missing `describe.skip`. */
export function whereThereIs({ name }: ProxyKind): Mocha.SuiteFunction | Mocha.PendingSuiteFunction {
  return process.env['LIVE_TEST_PROXIES'] !== undefined && existsSync(join(PROGRAMS, name))
    ? describe
    : describe.skip;
}

/** A proxy that runs with the configuration in deploy/proxies. */
export class DocumentedProxy implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #logFile: string;
  readonly port: number;

  private constructor(child: ChildProcess, port: number, logFile: string) {
    this.#child = child;
    this.#exited = once(child, 'exit');
    this.#logFile = logFile;
    this.port = port;
  }

  /**
   * Starts one in a new directory below the given one; resolves when it accepts connections.
   * @param changes to what is documented, for what a test is about
   * @throws when it ends instead, with what it said
   */
  static async start(
    kind: ProxyKind,
    { directory, gateways, identity }: Omit<ProxySite, 'port'>,
    changes: Replacements = {},
  ): Promise<DocumentedProxy> {
    const [port = 0] = await freePorts(1);
    const site = { directory: join(directory, `${kind.name}-${port}`), port, gateways, identity };
    await mkdir(site.directory);
    const file = join(site.directory, kind.configuration);
    // In this order: changes are to what is documented.
    const changed = replaced(await readFile(join(CONFIGURATIONS, kind.configuration), 'utf8'), changes);
    await writeFile(file, replaced(changed, kind.replacements(site)));
    const logFile = join(site.directory, 'log');
    const log = await open(logFile, 'a');
    const child = spawn(join(PROGRAMS, kind.name), kind.arguments(file, site), {
      stdio: ['ignore', log.fd, log.fd],
      env: { ...process.env, HOME: site.directory },
    });
    await log.close();
    const proxy = new DocumentedProxy(child, port, logFile);
    await until(`${kind.name} listens`, async () => {
      if (child.exitCode !== null) return true;
      return accepts(port);
    });
    if (child.exitCode !== null) throw new Error(`${kind.name} ended: ${proxy.log}`);
    return proxy;
  }

  /** As a client has it that uses TLS. */
  get endpoint(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Likewise, by WebSocket. */
  get webSocketEndpoint(): string {
    return `wss://127.0.0.1:${this.port}`;
  }

  /** What it has said so far. */
  get log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Those with workers end them on this one, and at once.
    this.#child.kill('SIGTERM');
    await this.#exited;
  }
}

function replaced(text: string, replacements: Replacements): string {
  let result = text;
  for (const [before, after] of Object.entries(replacements)) {
    if (!result.includes(before)) throw new Error(`the configuration does not have: ${before}`);
    result = result.replaceAll(before, after);
  }
  return result;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
