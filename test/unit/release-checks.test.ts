import assert from 'node:assert/strict';
import { packageProblems, treeProblems, versionProblems } from '../../scripts/release/checks.ts';

const READY = {
  version: '1.2.3',
  changelog: '# Changelog\n\n## 1.2.3 (2026-11-29)\n\n- All.\n\n## 1.2.2 (2026-10-01)\n',
  chart: 'name: live-gateway\nversion: 1.2.3\nappVersion: 1.2.3\n',
  compose: 'x-gateway:\n  image: live-gateway:1.2.3\n  build: .\n',
};
const PROGRAMS = ['dist/server/main.js', 'dist/cli/main.js', 'dist/browser/live-gateway.js'];

describe('a release', () => {
  it('is ready when all say the same version, and the changelog a date', () => {
    assert.deepEqual(versionProblems(READY), []);
  });

  const unready = [
    ['CHANGELOG.md begins with 1.2.2', { changelog: '## 1.2.2 (2026-10-01)\n' }],
    ['CHANGELOG.md begins with no version', { changelog: '# Changelog\n' }],
    ['CHANGELOG.md has no date for 1.2.3, but "unreleased"', { changelog: '## 1.2.3 (unreleased)\n' }],
    ['Chart.yaml has another version', { chart: 'version: 1.2.2\nappVersion: 1.2.3\n' }],
    ['Chart.yaml has another appVersion', { chart: 'version: 1.2.3\nappVersion: 1.2.30\n' }],
    ['deploy/compose.yaml has another image', { compose: '  image: live-gateway:1.2.30\n' }],
  ] as const;
  for (const [problem, change] of unready)
    it(`is not when ${problem}`, () => {
      const problems = versionProblems({ ...READY, ...change });
      assert.equal(problems.length, 1);
      assert.ok(problems[0]!.includes(problem), problems[0]);
    });

  it('is made of what is committed', () => {
    assert.deepEqual(treeProblems(''), []);
    assert.match(
      treeProblems(' M README.md\n?? notes\n').join(),
      /not committed: {2}M README\.md, \?\? notes$/,
    );
  });

  it('packs nothing that is not on the list, and all programs', () => {
    const files = [...PROGRAMS, 'package.json', 'README.md', 'LICENSE', 'dist/server/main.js.map'];
    assert.deepEqual(packageProblems(files), []);
    for (const file of [
      '.env',
      'dist/.tsbuildinfo',
      'dist/server/key.pem',
      'dist/test/unit/a.js',
      'server/main.ts',
    ])
      assert.equal(packageProblems([...files, file]).length, 1, file);
    assert.match(packageProblems(files.slice(1)).join(), /dist\/server\/main\.js is not in the package/);
  });
});
