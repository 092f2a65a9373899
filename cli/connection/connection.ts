import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { LiveClientOptions, TlsOptions } from '../../client/index.ts';
import { UsageError } from '../../common/errors.ts';
import { parseEndpoints } from '../arguments.ts';
import { Contexts } from './contexts.ts';
import type { ConnectionOptionName, ConnectionTexts } from './options.ts';
import {
  connectionFlags,
  connectionOption,
  connectionOptionNames,
  parseSwitch,
  variableOf,
} from './options.ts';

const TOKENS: ReadonlySet<ConnectionOptionName> = new Set(['token', 'tokenFile']);
const DEFAULT_SERVER = '127.0.0.1:50051';

/** The options of a command that reaches gateways, as commander has read them. */
export interface ConnectionFlags extends ConnectionTexts {
  readonly context?: string;
}

/** How a client reaches gateways, and who it is there. */
export type Connection = Required<Pick<LiveClientOptions, 'endpoints' | 'tls'>> &
  Pick<LiveClientOptions, 'token'>;

/** Gives a command the options that say how gateways are reached. */
export function addConnectionOptions(command: Command): Command {
  for (const option of connectionFlags()) command.addOption(option);
  return command.addOption(
    new Option('--context <name>', 'take what is not said here from this context (env: LIVE_CONTEXT)'),
  );
}

/**
 * How gateways are reached: what a flag says goes before a variable, that before the context, and that before what goes without saying.
 * An empty variable counts as not set.
 * @throws UsageError that names what makes no sense, and where it comes from
 */
export function connectionOf(flags: ConnectionFlags, env: NodeJS.ProcessEnv = process.env): Connection {
  const texts = said(flags, env);
  const { server = DEFAULT_SERVER, tls, ca, cert, certKey } = texts;
  const token = tokenOf(texts);
  if ((cert === undefined) !== (certKey === undefined))
    throw new UsageError('--cert and --cert-key go together');
  const options: TlsOptions = {
    ...(ca !== undefined && { ca: contents('--ca', ca) }),
    ...(cert !== undefined && { cert: contents('--cert', cert) }),
    ...(certKey !== undefined && { key: contents('--cert-key', certKey) }),
  };
  const endpoints = parseEndpoints(server);
  const given = Object.keys(options).length > 0;
  const wanted = tls === undefined ? given : parseSwitch(tls);
  if (wanted) return { endpoints, tls: given ? options : true, ...token };
  // Addresses without a scheme stay plaintext; those with one have the files nevertheless.
  const explicit = endpoints.map((endpoint) => (endpoint.includes('://') ? endpoint : `http://${endpoint}`));
  return given ? { endpoints: explicit, tls: options, ...token } : { endpoints, tls: false, ...token };
}

/** A file is read each time that a token is asked for: whoever keeps it may have put a new one there. */
function tokenOf({ token, tokenFile }: ConnectionTexts): Pick<LiveClientOptions, 'token'> {
  if (token !== undefined && tokenFile !== undefined)
    throw new UsageError('--token and --token-file are two ways to say the same: give one');
  if (token !== undefined) return { token };
  if (tokenFile === undefined) return {};
  const read = (): string => contents('--token-file', tokenFile).toString().trim();
  if (read() === '') throw new UsageError(`--token-file ${tokenFile} is empty`);
  return { token: read };
}

/** What was said of each, wherever that was. */
function said(flags: ConnectionFlags, env: NodeJS.ProcessEnv): ConnectionTexts {
  const contexts = new Contexts(env);
  const name = flags.context ?? notEmpty(env['LIVE_CONTEXT']) ?? contexts.selected;
  const context = name === undefined ? {} : contexts.load(name);
  const texts: ConnectionTexts = {};
  for (const option of connectionOptionNames) {
    const variable = variableOf(option);
    const text = flags[option] ?? checked(option, notEmpty(env[variable]), variable);
    if (text !== undefined) texts[option] = text;
  }
  // Who you are is for the gateways of the context, and for nobody else; and what was said of a token stands for all that could be.
  const elsewhere = texts.server !== undefined && texts.server !== context.server;
  const told = texts.token !== undefined || texts.tokenFile !== undefined;
  for (const option of connectionOptionNames) {
    if (texts[option] !== undefined || (TOKENS.has(option) && (elsewhere || told))) continue;
    const text = checked(option, context[option], `context ${name}: ${option}`);
    if (text !== undefined) texts[option] = text;
  }
  return texts;
}

function checked(option: ConnectionOptionName, text: string | undefined, where: string): string | undefined {
  if (text === undefined) return undefined;
  try {
    connectionOption(option).check(text);
    return text;
  } catch (error) {
    if (error instanceof InvalidArgumentError)
      throw new UsageError(`${where}: ${error.message}`, { cause: error });
    throw error;
  }
}

function contents(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new UsageError(`${flag} ${path}: ${(cause as Error).message}`, { cause });
  }
}

const notEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
