import assert from 'node:assert/strict';
import { CommanderError } from 'commander';
import { chaosCommand } from '../../cli/commands/chaos.ts';
import { UsageError } from '../../common/errors.ts';

describe('the command line of chaos', () => {
  const wrong = [
    ['--fault', 'meteorite'],
    ['--fault', 'rst=0'],
    ['--fault', 'rst', 'fin=x'],
    ['--profile', 'calm'],
    ['--viewers', '0'],
    ['--duration', 'long'],
    ['--rate', '-1'],
    ['--seed', 'x'],
    ['--fault', 'leader-kill'],
    ['--nats-cluster', '2'],
    ['--gateways', '0'],
    ['--gateways', '10'],
    ['--server', '127.0.0.1:1', '--gateways', '3'],
    ['--server', 'nowhere'],
    ['--server', '127.0.0.1:1', '--profile', 'deploy'],
    ['--server', '127.0.0.1:1', '--fault', 'nats-kill'],
    ['--server', '127.0.0.1:1', '--fault', 'stuck-neighbour'],
    ['--server', '127.0.0.1:1', '--nats-cluster', '3'],
    ['--transport', 'pigeon'],
    ['--transport', 'websocket', '--fault', 'stuck-neighbour'],
    ['--transport', 'websocket', '--server', '127.0.0.1:1'],
    ['--transport', 'grpc', '--server', 'ws://127.0.0.1:1'],
    ['--server', '127.0.0.1:1,ws://127.0.0.1:2'],
    ['--server', 'wss://127.0.0.1:1'],
    ['--server', 'https://127.0.0.1:1'],
    ['--replay', 'last', '--seed', '1'],
    ['--replay', 'last', '--transport', 'websocket'],
    ['--replay', 'nothing', '--db', '/nowhere/chaos.db'],
    ['--only-viewer', 'v101'],
    ['--only-fault', 'meteorite'],
  ];

  for (const args of wrong) {
    it(`refuses ${args.join(' ')} before anything is started`, async () => {
      const command = chaosCommand()
        .exitOverride()
        .configureOutput({ writeErr: () => undefined });
      await assert.rejects(
        command.parseAsync(args, { from: 'user' }),
        // By name: what is loaded when it is done has classes of its own where tests are loaded by tsx.
        (error) => error instanceof CommanderError || (error as Error).constructor.name === UsageError.name,
      );
    });
  }
});
