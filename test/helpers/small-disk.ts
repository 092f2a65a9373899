import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Makes a command in `directory` that runs nats-server with its JetStream store on a disk of its own, of so many bytes, in memory. Resolves
 * with undefined where that is not allowed.
 * @param binary the nats-server to run
 */
export async function smallDiskServer(
  binary: string,
  directory: string,
  bytes: number,
): Promise<string | undefined> {
  // nats-server names the file that tells its ports after itself.
  const file = join(directory, basename(binary));
  const onDisk = 'mkdir -p "$0" && mount -t tmpfs -o size="$SMALL_DISK" tmpfs "$0" && exec "$@"';
  const script = `#!/bin/sh
# The store directory is what follows --store_dir.
all="$*"; store="\${all#*--store_dir }"; store="\${store%% *}"
SMALL_DISK=${bytes} exec unshare -rm sh -c '${onDisk}' "$store" '${binary}' "$@"
`;
  await writeFile(file, script);
  await chmod(file, 0o755);
  try {
    await promisify(execFile)(file, ['--store_dir', join(directory, 'probe'), '--version']);
    return file;
  } catch {
    return undefined;
  }
}
