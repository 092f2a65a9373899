import { parseNatsUrls } from './nats-urls.ts';
import { durationWithin, listOf, parser, parseText, parseToken, sizeFrom } from './parsers.ts';
import type { Setting } from './setting.ts';
import { optional, required } from './setting.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const KIB = 2 ** 10;
const REPLICAS = [1, 3, 5] as const;

/** The NATS servers and the stream. */
export const NATS_SETTINGS = {
  nats: optional({
    flag: 'nats',
    placeholder: 'url[,url]',
    help: 'NATS servers to use; without it the gateway runs one of its own; with a tls:// address all connections must be encrypted',
    takes: 'nats:// or tls:// addresses (or host:port), separated by commas',
    parse: listOf(parseNatsUrls),
  }),
  natsUser: optional({
    flag: 'nats-user',
    placeholder: 'name',
    help: 'user that the gateway is to NATS, with --nats-password-file',
    takes: 'a name',
    parse: parseText,
  }),
  natsPasswordFile: file('nats-password-file', 'file with the password of --nats-user, in one line'),
  natsTokenFile: file('nats-token-file', 'file with the token that NATS asks for, in one line'),
  natsNkey: file('nats-nkey', "file with the seed of the NKey of the gateway's user"),
  natsCreds: file('nats-creds', "file with the JWT and the seed of the gateway's user, as nsc writes it"),
  natsCa: file(
    'nats-ca',
    'file with the authorities (PEM) that sign the certificates of the NATS servers; connections must then be encrypted',
  ),
  natsCert: file(
    'nats-cert',
    'file with the certificate (PEM) that the gateway shows to NATS, with --nats-key',
  ),
  natsKey: file('nats-key', 'file with the private key of --nats-cert (PEM, without passphrase)'),
  natsServer: optional({
    flag: 'nats-server',
    placeholder: 'path',
    help: 'nats-server executable to run; without it one is looked for, else fetched',
    takes: 'the path of an executable',
    parse: parseText,
  }),
  dataDir: required({
    flag: 'data-dir',
    placeholder: 'path',
    help: "directory of the gateway's own NATS server: its messages and its log",
    takes: 'the path of a directory',
    fallback: './.live-gateway',
    parse: parseText,
  }),
  stream: required({
    flag: 'stream',
    placeholder: 'name',
    help: 'JetStream stream that holds the reliable messages, or an existing mirror of it',
    takes: '1 to 64 letters, digits, "_" or "-"',
    fallback: 'LIVE',
    parse: parseToken,
  }),
  subjectPrefix: required({
    flag: 'subject-prefix',
    placeholder: 'token',
    help: 'what all NATS subjects begin with: live stores live.room.ROOM; gateways with the same prefix serve the same rooms',
    takes: '1 to 64 letters, digits, "_" or "-"',
    fallback: 'live',
    parse: parseToken,
  }),
  jsDomain: optional({
    flag: 'js-domain',
    placeholder: 'name',
    help: 'JetStream domain of the stream, where the NATS servers are leaf nodes; without it that of the servers themselves',
    takes: '1 to 64 letters, digits, "_" or "-"',
    parse: parseToken,
  }),
  replicas: required({
    flag: 'replicas',
    placeholder: 'n',
    help: 'copies of the stream in a NATS cluster',
    takes: '1, 3 or 5',
    fallback: '1',
    parse: parser({ type: 'integer', enum: REPLICAS }, (text) =>
      REPLICAS.find((replicas) => String(replicas) === text),
    ),
  }),
  maxAgeMs: required({
    flag: 'max-age',
    placeholder: 'duration',
    help: 'how long reliable messages are kept',
    takes: 'a duration from 1s to 3650d, such as 90s, 15m, 24h or 7d',
    fallback: '24h',
    parse: durationWithin(SECOND_MS, 3_650 * DAY_MS),
  }),
  maxBytes: required({
    flag: 'max-bytes',
    placeholder: 'size',
    help: 'how much of them is kept; the oldest go first',
    takes: 'a size of at least 64KiB, such as 512MiB or 10GiB',
    fallback: '1GiB',
    parse: sizeFrom(64 * KIB),
  }),
};

/** A file that is read again for every connection to NATS. */
function file(flag: string, help: string): Setting<string> {
  return optional({ flag, placeholder: 'path', help, takes: 'the path of a file', parse: parseText });
}
