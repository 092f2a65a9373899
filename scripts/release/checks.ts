/** Files that the package may have in it. Whatever else `npm pack` finds was not meant to be given to anybody. */
const MAY_BE_PACKED =
  /^(package\.json|README\.md|LICENSE|docs\/live-server\.schema\.json|dist\/(browser|chaos|cli|client|common|demo|nats-server|protos|server)\/.+\.(js|js\.map|d\.ts|proto|binpb|html|css))$/;

/** Texts that have the version in them, beside package.json. */
export interface Versioned {
  readonly version: string;
  readonly changelog: string;
  /** Of the Helm chart: Chart.yaml. */
  readonly chart: string;
  readonly compose: string;
}

/** What keeps this version from being released, in words; empty: nothing does. */
export function versionProblems({ version, changelog, chart, compose }: Versioned): string[] {
  const problems: string[] = [];
  const [, newest, when] = /^## (\S+) \((.*)\)$/m.exec(changelog) ?? [];
  if (newest !== version)
    problems.push(`CHANGELOG.md begins with ${newest ?? 'no version'}, and package.json says ${version}`);
  else if (!/^\d{4}-\d{2}-\d{2}$/.test(when ?? ''))
    problems.push(
      `CHANGELOG.md has no date for ${version}, but "${when}": write "## ${version} (YYYY-MM-DD)"`,
    );
  for (const field of ['version', 'appVersion'])
    if (!chart.split('\n').includes(`${field}: ${version}`))
      problems.push(`deploy/helm/live-gateway/Chart.yaml has another ${field} than ${version}`);
  if (!compose.includes(`image: live-gateway:${version}\n`))
    problems.push(`deploy/compose.yaml has another image than live-gateway:${version}`);
  return problems;
}

/** What keeps a tree from being released, by what `git status --porcelain` says of it. */
export function treeProblems(status: string): string[] {
  const changed = status.split('\n').filter((line) => line !== '');
  return changed.length === 0 ? [] : [`the tree has changes that are not committed: ${changed.join(', ')}`];
}

/** What is wrong with the files of a package. */
export function packageProblems(files: readonly string[]): string[] {
  const others = files.filter((file) => !MAY_BE_PACKED.test(file));
  const problems = others.map((file) => `${file} is in the package, and is not on the list of what may be`);
  for (const program of ['dist/server/main.js', 'dist/cli/main.js', 'dist/browser/live-gateway.js'])
    if (!files.includes(program)) problems.push(`${program} is not in the package: was it built?`);
  return problems;
}
