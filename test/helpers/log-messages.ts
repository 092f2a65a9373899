import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LEVELS: ReadonlySet<string> = new Set(['debug', 'info', 'warn', 'error', 'fatal']);
/** What is written by these takes its text and level from the call: see server/session/refusals.ts. */
const REFUSE = 'refuse';

/** A line that the source can write. What is put into a text is `…`. */
export interface LogMessage {
  readonly text: string;
  readonly level: string;
  /** Names of the facts, as far as they are written at the call. */
  readonly fields: readonly string[];
  readonly file: string;
}

/** Every text that is handed to a logger in `server/`, found by the parser of TypeScript. */
export function logMessages(): LogMessage[] {
  return readdirSync(join(ROOT, 'server'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => messagesOf(file));
}

function messagesOf(file: string): LogMessage[] {
  const text = readFileSync(join(ROOT, 'server', file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: LogMessage[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const level = node.expression.name.text;
      const said = level === REFUSE ? node.arguments.find(isText) : messageOf(node);
      if (said !== undefined && (LEVELS.has(level) || level === REFUSE))
        for (const one of textsOf(said, source))
          found.push({
            text: one,
            level: level === REFUSE ? 'debug' : level,
            fields: fieldsOf(node.arguments[0]),
            file,
          });
    }
    // The one function that is handed the text of a line.
    if (ts.isCallExpression(node) && node.expression.getText() === 'tell' && node.arguments.length === 4)
      for (const one of textsOf(node.arguments[3]!, source))
        found.push({ text: one, level: 'info', fields: ['expires'], file });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** A text for people, not a name. */
const isText = (node: ts.Node): boolean => ts.isStringLiteral(node) && node.text.includes(' ');

function messageOf({ expression, arguments: [facts, message] }: ts.CallExpression): ts.Node | undefined {
  if (message !== undefined) return message;
  return isLog((expression as ts.PropertyAccessExpression).expression) ? facts : undefined;
}

/** `log.info('…')`, whose facts are the session's. */
const isLog = (node: ts.Expression): boolean => /(^|\.)log$/.test(node.getText());

/** The texts that an expression may have, where it is written out or a constant of the file. */
function textsOf(node: ts.Node, source: ts.SourceFile): string[] {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return [node.text];
  if (ts.isTemplateExpression(node))
    return [node.head.text + node.templateSpans.map((span) => `…${span.literal.text}`).join('')];
  if (ts.isConditionalExpression(node))
    return [...textsOf(node.whenTrue, source), ...textsOf(node.whenFalse, source)];
  if (ts.isElementAccessExpression(node)) return textsOf(node.expression, source);
  if (ts.isObjectLiteralExpression(node))
    return node.properties.flatMap((one) =>
      ts.isPropertyAssignment(one) ? textsOf(one.initializer, source) : [],
    );
  if (ts.isIdentifier(node)) {
    const declared = declarationOf(node.text, source);
    return declared?.initializer === undefined ? [] : textsOf(declared.initializer, source);
  }
  return [];
}

function declarationOf(name: string, source: ts.SourceFile): ts.VariableDeclaration | undefined {
  let found: ts.VariableDeclaration | undefined;
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === name) found = node;
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function fieldsOf(facts: ts.Node | undefined): string[] {
  if (facts === undefined || !ts.isObjectLiteralExpression(facts)) return [];
  return facts.properties.flatMap(({ name }) => (name === undefined ? [] : [name.getText()]));
}
