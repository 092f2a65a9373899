import { InvalidArgumentError, Option } from 'commander';
import { parseEndpoints } from '../arguments.ts';

/** One of the options that say how gateways are reached: a flag, a variable, and a line of a context's file. */
interface ConnectionOption {
  /** Absent: a switch. */
  readonly placeholder?: string;
  readonly help: string;
  /** Says what is wrong with a text by throwing an InvalidArgumentError. */
  readonly check: (text: string) => unknown;
  /** What is kept of it in a context, which is used from anywhere; absent: the text. */
  readonly keep?: 'absolute path';
}

/** All of them, by name: `certKey` is `--cert-key`, `LIVE_CERT_KEY`, and `"certKey"` in a context. */
export const CONNECTION_OPTIONS = {
  server: {
    placeholder: 'address[,address]',
    help: 'gateways as host:port, https://host[:port] or http://host[:port], or by WebSocket as wss://host[:port] or ws://host[:port], tried in random order (default: 127.0.0.1:50051)',
    check: parseEndpoints,
  },
  tls: {
    help: 'TLS for addresses without a scheme; goes without saying with --ca or --cert',
    check: parseSwitch,
  },
  ca: file('authorities that certificates of gateways are judged by (PEM)'),
  cert: file('certificate of your own, for gateways that ask for one (PEM)'),
  // Not --key: that is a message's.
  certKey: file('its private key (PEM)'),
  token: {
    placeholder: 'token',
    help: 'who you are, for gateways that ask for it; others can see it in the list of processes: rather a variable, or --token-file',
    check: parseToken,
  },
  tokenFile: file('file with the token; read again when that has expired'),
} as const satisfies Record<string, ConnectionOption>;

export type ConnectionOptionName = keyof typeof CONNECTION_OPTIONS;

/** What was said of some of them, as it was written; of a switch `true` or `false`. */
export type ConnectionTexts = Partial<Record<ConnectionOptionName, string>>;

/** Every name, in the order of the help. */
export const connectionOptionNames = Object.keys(CONNECTION_OPTIONS) as ConnectionOptionName[];

/** The environment variable of an option. */
export const variableOf = (name: ConnectionOptionName): string =>
  `LIVE_${flagOf(name).toUpperCase().replaceAll('-', '_')}`;

/** The flag of an option, without dashes. */
const flagOf = (name: ConnectionOptionName): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The option as the table has it, with what not all have. */
export const connectionOption = (name: ConnectionOptionName): ConnectionOption => CONNECTION_OPTIONS[name];

/** Their flags. What commander does not find it leaves out: variables, contexts and defaults are looked at when all is known. */
export function connectionFlags(): Option[] {
  return connectionOptionNames.map((name) => {
    const { placeholder, help, check } = connectionOption(name);
    const flag = flagOf(name);
    const about = `${help} (env: ${variableOf(name)})`;
    if (placeholder === undefined) return new Option(`--${flag}`, about).preset('true');
    return new Option(`--${flag} <${placeholder}>`, about).argParser((text: string) => {
      check(text);
      return text;
    });
  });
}

function file(help: string) {
  return { placeholder: 'file', help, check: parseFile, keep: 'absolute path' } as const;
}

function parseFile(text: string): string {
  if (text === '') throw new InvalidArgumentError('It takes the path of a file.');
  return text;
}

function parseToken(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new InvalidArgumentError('It takes a JSON Web Token.');
  return text;
}

/** A switch as it is written in a variable or a context. */
export function parseSwitch(text: string): boolean {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw new InvalidArgumentError('It takes true or false.');
}
