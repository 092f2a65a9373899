/*
 * `npm run release`: checks that this version may be released, and writes all that is given to others to release/. Nothing is published: it says how that is done.
 * With `-- --dry-run` what is not ready yet, such as the date in CHANGELOG.md, is told and is no obstacle.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { packPackage, output, writeSbom, writeServer, writeSums } from './release/artifacts.ts';
import { packageProblems, treeProblems, versionProblems } from './release/checks.ts';

const FOLDER = 'release';

/** @returns the exit code */
async function release(dryRun: boolean): Promise<number> {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  const [changelog, chart, compose] = await Promise.all(
    ['CHANGELOG.md', 'deploy/helm/live-gateway/Chart.yaml', 'deploy/compose.yaml'].map((file) =>
      readFile(file, 'utf8'),
    ),
  );
  const unready = [
    ...treeProblems(await output('git', 'status', '--porcelain')),
    ...versionProblems({ version, changelog: changelog ?? '', chart: chart ?? '', compose: compose ?? '' }),
  ];
  for (const problem of unready) console.error(`${dryRun ? 'not ready' : 'cannot be released'}: ${problem}`);
  if (unready.length > 0 && !dryRun) return 1;

  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER);
  const problems = packageProblems(await packPackage(FOLDER));
  for (const problem of problems) console.error(`cannot be released: ${problem}`);
  if (problems.length > 0) return 1;
  await writeServer(FOLDER, version);
  await writeSbom(FOLDER, version);
  await writeSums(FOLDER);
  console.log(await readFile(`${FOLDER}/SHA256SUMS`, 'utf8'));
  if (!dryRun)
    console.log(
      `git tag v${version} && git push --tags && npm publish ${FOLDER}/live-gateway-${version}.tgz`,
    );
  return 0;
}

process.exitCode = await release(process.argv.includes('--dry-run'));
