import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What the programs are built of. */
const SOURCES = ['cli', 'server', 'client', 'chaos', 'nats-server', 'common', 'protos'];

/**
 * Arguments for Node that run one of our programs: what `npm run build` made of it, as users run it, which starts in half the time; or the
 * source itself, if something was edited since.
 */
export function programArguments(program: 'cli' | 'server'): readonly string[] {
  return isBuilt()
    ? [join(ROOT, 'dist', program, 'main.js')]
    : ['--import=tsx', join(ROOT, program, 'main.ts')];
}

let built: boolean | undefined;

/** Whether nothing is newer than what was built of it. */
function isBuilt(): boolean {
  built ??= editedMs() < builtMs();
  return built;
}

function editedMs(): number {
  const files = SOURCES.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
      join(ROOT, folder, file),
    ),
  );
  return Math.max(...files.map((file) => statSync(file).mtimeMs));
}

/** Of the compiler only what has changed is written; these are the last thing that each build writes. */
function builtMs(): number {
  const last = join(ROOT, 'dist', 'protos', 'gen', 'descriptors.binpb');
  return statSync(last, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
