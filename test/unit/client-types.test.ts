import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ENTRIES = {
  'live-gateway/client': { files: ['client/index.ts', 'client/sqlite.ts'], config: 'tsconfig.json' },
  'live-gateway/browser': { files: ['client/browser/index.ts'], config: 'client/browser/tsconfig.json' },
};
/** Types of the wire are exported as a whole, as `wire`. */
const WIRE = 'protos/gen/';

function program(files: readonly string[], configFile: string): ts.Program {
  const { config } = ts.readConfigFile(ROOT + configFile, (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(ROOT + configFile));
  return ts.createProgram(
    files.map((entry) => ROOT + entry),
    options,
  );
}

for (const [entryPoint, { files, config }] of Object.entries(ENTRIES))
  describe(`the types of ${entryPoint}`, () => {
    it('can all be named: none that an exported one mentions is left out', () => {
      const built = program(files, config);
      const checker = built.getTypeChecker();
      const resolved = (symbol: ts.Symbol): ts.Symbol =>
        symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      const exported = new Set<ts.Symbol>();
      for (const entry of files) {
        const file = built.getSourceFile(ROOT + entry);
        const module = file && checker.getSymbolAtLocation(file);
        assert.ok(module, entry);
        for (const symbol of checker.getExportsOfModule(module)) exported.add(resolved(symbol));
      }
      const missing = new Set<string>();
      const visit = (node: ts.Node): void => {
        if (isHidden(node)) return;
        if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
          const symbol = checker.getSymbolAtLocation(
            ts.isTypeReferenceNode(node) ? node.typeName : node.expression,
          );
          if (symbol !== undefined) require(resolved(symbol));
        }
        ts.forEachChild(node, visit);
      };
      const require = (symbol: ts.Symbol): void => {
        const file = symbol.declarations?.[0]?.getSourceFile().fileName.slice(ROOT.length) ?? '';
        const ours = /^(client|common|protos)\//.test(file) && !file.startsWith(WIRE);
        if (ours && !(symbol.flags & ts.SymbolFlags.TypeParameter) && !exported.has(symbol))
          missing.add(`${symbol.name} (${file})`);
      };
      for (const symbol of exported) for (const declaration of symbol.declarations ?? []) visit(declaration);
      assert.deepEqual([...missing].sort(), []);
    });
  });

/** What a declaration file does not show: bodies, and what is private. */
function isHidden(node: ts.Node): boolean {
  if (ts.isBlock(node)) return true;
  const { name } = node as ts.NamedDeclaration;
  return name !== undefined && ts.isPrivateIdentifier(name);
}
