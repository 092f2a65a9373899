import { dirname, relative, resolve, sep } from 'node:path';

/** True if `path` is `place` or lies in it. */
const within = (path, place) => path === place || path.startsWith(`${place}/`);

/**
 * ESLint rule: files of a folder import only from the places that a table allows to it.
 * Options: `[{ root, table }]`; the table has, for folders relative to `root`, the folders and files that code in
 * them may import. The last entry that fits a file counts; a file that none fits may import anything.
 */
export const importDirections = {
  meta: {
    type: 'problem',
    schema: [{ type: 'object' }],
    messages: { forbidden: '{{folder}}/ may import from {{allowed}} only, not {{target}}.' },
  },
  create(context) {
    const [{ root, table }] = context.options;
    const inProject = (path) => relative(root, path).split(sep).join('/');
    const file = inProject(context.filename);
    const [folder, allowed] = Object.entries(table).findLast(([place]) => within(file, place)) ?? [];
    if (folder === undefined) return {};
    const check = ({ source }) => {
      if (typeof source?.value !== 'string' || !source.value.startsWith('.')) return;
      const target = inProject(resolve(dirname(context.filename), source.value));
      if (allowed.some((place) => within(target, place))) return;
      context.report({
        node: source,
        messageId: 'forbidden',
        data: { folder, target, allowed: allowed.join(', ') },
      });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};
