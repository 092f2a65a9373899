import type { ChildProcess } from 'node:child_process';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { DEPLOY, replaced, tool } from './deploy-tools.ts';
import { removeDirectory } from './temp-dir.ts';

const CONTAINER = fileURLToPath(new URL('../deploy/container/', import.meta.url));
const BRIDGE = '172.30.77.1';

interface Mount {
  readonly type: 'bind' | 'volume';
  readonly source: string;
  readonly target: string;
}

/** A service, as the Compose Specification's own program has it once all is filled in. */
export interface Service {
  readonly image: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly networks: {
    readonly default: { readonly ipv4_address?: string; readonly aliases?: readonly string[] } | null;
  };
  readonly secrets?: readonly { readonly source: string; readonly target: string }[];
  readonly volumes?: readonly Mount[];
}

interface Project {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>;
}

/** What deploy/compose.yaml says with the secrets of the environment filled in. @throws with what is wrong with it */
async function project(variables: Readonly<Record<string, string>>, directory: string): Promise<Project> {
  const text = await readFile(join(DEPLOY, 'compose.yaml'), 'utf8');
  const file = join(directory, 'deploy', 'compose.yaml');
  await cp(DEPLOY, dirname(file), { recursive: true });
  await writeFile(
    file,
    text.replace(/\$\{(\w+):\?[^}]*\}/g, (_, name: string) => variables[name] ?? ''),
  );
  // As many files as that takes an ordinary machine may not open.
  const haproxy = join(dirname(file), 'proxies', 'haproxy.cfg');
  const limits = { 'maxconn 50000': 'maxconn 1000' };
  await writeFile(haproxy, replaced(await readFile(haproxy, 'utf8'), limits));
  const { stdout } = await promisify(execFile)(tool('compose-spec'), [file], { cwd: dirname(file) });
  return parse(stdout) as Project;
}

/**
 * Services of deploy/compose.yaml as processes of this machine: each in a network of its own with the address that it has there, and with the files that it has there.
 * Images are not had: programs are this machine's.
 */
export class Composed implements AsyncDisposable {
  readonly #directory: string;
  readonly #variables: Readonly<Record<string, string>>;
  readonly #project: Project;
  readonly #prefix = `live-${process.pid}`;
  readonly #running = new Map<string, ChildProcess>();
  readonly #output = new Map<string, string>();

  private constructor(directory: string, variables: Readonly<Record<string, string>>, read: Project) {
    this.#directory = directory;
    this.#variables = variables;
    this.#project = read;
  }

  /** Makes the networks, and the certificates as the first service does. */
  static async create(variables: Readonly<Record<string, string>>): Promise<Composed> {
    const directory = await mkdtemp(join(tmpdir(), 'live-compose-'));
    const composed = new Composed(directory, variables, await project(variables, directory));
    const addresses = Object.entries(composed.services).flatMap(([name, { networks }]) => {
      const address = networks.default?.ipv4_address;
      return address === undefined ? [] : [`${name}=${address}/24`];
    });
    try {
      composed.#network('up', `${BRIDGE}/24`, ...addresses);
      await composed.#makeCertificates();
      return composed;
    } catch (error) {
      await composed[Symbol.asyncDispose]();
      throw error;
    }
  }

  get services(): Project['services'] {
    return this.#project.services;
  }

  /** What a service has said. */
  said(name: string): string {
    return this.#output.get(name) ?? '';
  }

  /** Starts a service. @param program what its image would run, with its arguments */
  async start(name: string, program: readonly string[]): Promise<ChildProcess> {
    const { environment } = this.services[name]!;
    return this.#spawn(name, name, program, environment);
  }

  /** Ends a service as a crash does. */
  async kill(name: string): Promise<void> {
    const child = this.#running.get(name)!;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Runs a program that is on the same network to its end. @throws with what it said, when it fails */
  async run(program: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<void> {
    const child = await this.#spawn('hub', 'gateway-1', program, environment);
    const [code] = (await once(child, 'exit')) as [number];
    if (code !== 0) throw new Error(`${program.join(' ')}: ${code} ${this.said('hub')}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exits = [...this.#running.values()]
      .filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
      .map((child) => {
        child.kill('SIGKILL');
        return once(child, 'exit');
      });
    await Promise.all(exits);
    this.#network('down');
    await removeDirectory(this.#directory);
  }

  /** @param filesOf the service whose files it is to have */
  async #spawn(
    name: string,
    filesOf: string,
    program: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<ChildProcess> {
    const files = join(this.#directory, name);
    await this.#layOut(files, this.services[filesOf]!);
    const args = [join(CONTAINER, 'service.sh'), `${this.#prefix}-${name}`, files, ...program];
    const child = spawn('bash', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], ...environment },
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output.set(name, this.said(name) + text);
      });
    this.#running.set(name, child);
    return child;
  }

  /** Files as the service has them: those of this repository, secrets, certificates, and who is where. */
  async #layOut(files: string, { volumes = [], secrets = [] }: Service): Promise<void> {
    await mkdir(join(files, 'etc'), { recursive: true });
    await writeFile(join(files, 'etc', 'hosts'), this.#hosts());
    for (const { type, source, target } of volumes) {
      const from = type === 'bind' ? source : join(this.#directory, 'volumes', source);
      await mkdir(type === 'bind' ? dirname(from) : from, { recursive: true });
      await cp(from, join(files, target), { recursive: true });
    }
    for (const { source, target } of secrets) {
      const { environment } = this.#project.secrets[source]!;
      await mkdir(join(files, dirname(target)), { recursive: true });
      await writeFile(join(files, target), this.#variables[environment]!);
    }
  }

  #hosts(): string {
    const lines = Object.entries(this.services).flatMap(([name, { networks }]) => {
      const { ipv4_address: address, aliases = [] } = networks.default ?? {};
      return address === undefined ? [] : [[address, name, ...aliases].join(' ')];
    });
    return ['127.0.0.1 localhost', ...lines, ''].join('\n');
  }

  #network(...args: string[]): void {
    const [command = '', ...addresses] = args;
    const words = [join(CONTAINER, 'network.sh'), command, this.#prefix, ...addresses];
    const { status, stderr } = spawnSync('bash', words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`network.sh ${command}: ${stderr}`);
  }

  async #makeCertificates(): Promise<void> {
    const volume = join(this.#directory, 'volumes', 'certificates');
    await mkdir(volume, { recursive: true });
    const { volumes = [], entrypoint } = this.services['certificates']!;
    const script = volumes.find(({ target }) => target === entrypoint?.[1])?.source;
    await promisify(execFile)('sh', [script ?? '', volume]);
  }
}
