import { Command, InvalidArgumentError, Option } from 'commander';
import { isRight, isRoomPattern, ROLES } from '../../protos/rights.ts';
import { parsePositiveDuration } from '../arguments.ts';
import type { SignatureKeys } from '../token/inspect.ts';
import type { MakeOptions } from '../token/make.ts';
import { revokeCommand } from './ban.ts';

/**
 * `live-cli token`: tokens for tests, a look at those that do not work, and an end to others. Real ones are made by your backend. What make and inspect do is
 * loaded when it is done: every other command starts sooner.
 */
export function tokenCommand(): Command {
  return new Command('token')
    .description('Make test tokens (JWT) for a gateway that asks for them, look at tokens, and revoke them.')
    .addCommand(makeCommand())
    .addCommand(inspectCommand())
    .addCommand(revokeCommand());
}

function makeCommand(): Command {
  return new Command('make')
    .description('Make a token and print it. Options that can be given several times are lists.')
    .requiredOption('--user <name>', 'whose token it is (sub)')
    .addOption(
      listOption(
        '--room <pattern>',
        'a room, in which one * may stand for the rest; none: every room',
        isRoomPattern,
      ),
    )
    .addOption(
      listOption(
        '--role <role>',
        `${[...ROLES.keys()].join(', ')}; without --role and --allow: viewer`,
        (role) => ROLES.has(role),
      ),
    )
    .addOption(
      listOption('--allow <right>', 'watch, publish:TYPE, publish:*, moderate, speak-for-others', isRight),
    )
    .addOption(
      new Option('--ttl <duration>', 'for how long it counts')
        .argParser(parsePositiveDuration)
        .default(3_600_000, '1h'),
    )
    .option('--issuer <name>', 'who makes it (iss)')
    .option('--audience <name>', 'who it is for (aud)')
    .option('--id <name>', 'its own name (jti)')
    .option('--secret-file <file>', 'sign it with the secret in the file (HS256)')
    .option(
      '--private-key <file>',
      'sign it with the private key in the file, as PEM (RS256, ES256 or EdDSA)',
    )
    .option('--kid <name>', 'which key of a key set that is')
    .action(async (options: MakeOptions) => (await import('../token/make.ts')).makeToken(options));
}

function inspectCommand(): Command {
  return new Command('inspect')
    .description('Print what a token says, and with a key whether it is signed by it.')
    .argument('<token>', 'the token; - reads it from standard input')
    .option('--secret-file <file>', 'verify it with the secret in the file')
    .option('--public-key <file>', 'verify it with the public key in the file, as PEM')
    .option('--jwks-url <url>', 'verify it with the key set there')
    .action(async (token: string, keys: SignatureKeys) =>
      (await import('../token/inspect.ts')).inspectToken(token, keys),
    );
}

function listOption(flags: string, description: string, allows: (value: string) => boolean): Option {
  return new Option(flags, description).argParser((value: string, previous: string[] | undefined) => {
    if (!allows(value)) throw new InvalidArgumentError(`It takes ${description}.`);
    return [...(previous ?? []), value];
  });
}
