import { resolve } from 'node:path';
import { Command } from 'commander';
import { Output } from '../../common/node/output.ts';
import { UsageError } from '../../common/errors.ts';
import { jsonOption } from '../arguments.ts';
import { Contexts } from '../connection/contexts.ts';
import type { ConnectionTexts } from '../connection/options.ts';
import { connectionFlags, connectionOption, connectionOptionNames } from '../connection/options.ts';
import { jsonLine } from '../format-json.ts';

const HELP = `
A context keeps what --server and the other options of a connection say, in
$XDG_CONFIG_HOME/live-gateway/contexts/NAME.json (~/.config/live-gateway/contexts/NAME.json), which only you may read.
Commands take from it what neither a flag nor a variable says: from the one that --context or LIVE_CONTEXT names,
else from the one that was selected. Files are kept as paths, not as what is in them.`;

interface Json {
  readonly json?: true;
}

/** `live-cli context save|ls|select|show|rm` */
export function contextCommand(): Command {
  const save = new Command('save')
    .description('Keep how gateways are reached under a name; one that is there is replaced.')
    .argument('<name>')
    .action((name: string, texts: ConnectionTexts) => saveContext(name, texts));
  for (const option of connectionFlags()) save.addOption(option);
  return new Command('context')
    .description('Keep ways to reach gateways under names.')
    .addHelpText('after', HELP)
    .addCommand(save)
    .addCommand(
      new Command('ls')
        .description('List the contexts; the selected one has a "*".')
        .addOption(jsonOption())
        .action(({ json }: Json) => listContexts(json === true)),
    )
    .addCommand(
      new Command('select')
        .description('Use a context unless another is asked for; without NAME use none.')
        .argument('[name]')
        .action((name: string | undefined) => {
          if (name === undefined) new Contexts().deselect();
          else new Contexts().select(name);
        }),
    )
    .addCommand(
      new Command('show')
        .description('Show a context: the selected one, unless NAME is given.')
        .argument('[name]')
        .addOption(jsonOption())
        .action((name: string | undefined, { json }: Json) => showContext(name, json === true)),
    )
    .addCommand(
      new Command('rm')
        .description('Remove a context.')
        .argument('<name>')
        .action((name: string) => new Contexts().remove(name)),
    );
}

function saveContext(name: string, texts: ConnectionTexts): void {
  const kept: ConnectionTexts = {};
  for (const option of connectionOptionNames) {
    const text = texts[option];
    if (text === undefined) continue;
    kept[option] = connectionOption(option).keep === 'absolute path' ? resolve(text) : text;
  }
  new Contexts().save(name, kept);
}

/** Screens are looked at by others. */
function shown(texts: ConnectionTexts): ConnectionTexts {
  return texts.token === undefined ? texts : { ...texts, token: '***' };
}

async function listContexts(json: boolean): Promise<void> {
  const contexts = new Contexts();
  const { names, selected } = contexts;
  const output = new Output(process.stdout);
  for (const name of names) {
    if (json)
      await output.line(jsonLine({ name, selected: name === selected, ...shown(contexts.load(name)) }));
    else
      await output.line(
        `${name === selected ? '*' : ' '} ${name}  ${contexts.load(name).server ?? ''}`.trimEnd(),
      );
  }
}

async function showContext(given: string | undefined, json: boolean): Promise<void> {
  const contexts = new Contexts();
  const name = given ?? contexts.selected;
  if (name === undefined) throw new UsageError('no context is selected: give the name of one');
  const texts = shown(contexts.load(name));
  const output = new Output(process.stdout);
  if (json) return output.line(jsonLine({ name, ...texts }));
  await output.line(name);
  for (const option of connectionOptionNames) {
    const text = texts[option];
    if (text !== undefined) await output.line(`  ${option}: ${text}`);
  }
}
