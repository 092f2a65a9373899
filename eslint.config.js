import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { importDirections } from './scripts/import-directions.js';

/**
 * The architecture as a table: which folders (or files) of this project the code in a folder may import. The last
 * line that fits counts. Tests, benchmarks and scripts may import anything.
 */
const MAY_IMPORT = {
  common: ['common'],
  protos: ['common', 'protos'],
  client: ['common', 'protos', 'client'],
  server: ['common', 'protos', 'server'],
  'server/core': ['common', 'protos', 'server/core'],
  'server/nats': ['common', 'protos', 'server/core', 'server/ops', 'server/nats'],
  'server/rpc': ['common', 'protos', 'server/core', 'server/ops', 'server/rpc'],
  cli: ['common', 'protos', 'client', 'cli'],
  'cli/chaos': ['common', 'protos', 'client', 'cli', 'server/nats/binary.ts', 'server/nats/process.ts'],
};

/** Packages that a folder must not know of. */
const FORBIDDEN_PACKAGES = {
  'server/core': ['@grpc/*', 'nats', 'pino', 'prom-client', 'grpc-health-check'],
  'server/nats': ['@grpc/*'],
  'server/rpc': ['nats'],
};

const packageBans = Object.entries(FORBIDDEN_PACKAGES).map(([folder, packages]) => ({
  files: [`${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': ['error', { patterns: [{ group: packages, message: `Not in ${folder}/.` }] }],
  },
}));

export default defineConfig(
  { ignores: ['dist/', 'protos/gen/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    plugins: { project: { rules: { 'import-directions': importDirections } } },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'project/import-directions': ['error', { root: import.meta.dirname, table: MAY_IMPORT }],
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowNullish: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // tsconfig's noPropertyAccessFromIndexSignature is off: both spellings are fine.
      '@typescript-eslint/dot-notation': 'off',
      // Interfaces and callbacks promise promises; not every implementation has to wait for something.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/consistent-type-definitions': 'off',
      // It asks for the `!` that no-non-null-assertion forbids.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      '@typescript-eslint/no-invalid-void-type': [
        'error',
        { allowInGenericTypeArguments: true, allowAsThisParameter: true },
      ],
    },
  },
  { files: ['{common,protos,client,server}/**/*.ts'], rules: { 'no-console': 'error' } },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  ...packageBans,
);
