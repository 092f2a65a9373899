import leven from 'leven';
import type { Document, Node, YAMLMap } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { ValueSchema } from './parsers.ts';

/** A value as it is written, and where: `file:line:column`. */
export interface WrittenValue<T = string> {
  readonly value: T;
  readonly place: string;
}

/** What of a setting is needed to read it from a file. */
export interface ReadableSetting {
  readonly takes: string;
  readonly parse: ((text: string) => unknown) & { readonly schema: ValueSchema };
}

/** A key of a map, and what belongs to it. */
export interface Field {
  readonly key: string;
  readonly node: Node | null;
  /** Where the key stands. */
  readonly place: string;
}

/** A value as a flag has it, and its type in the file, as JSON Schema names it. */
interface WrittenText {
  readonly text: string;
  readonly type: string;
}

/** Names that are written so differently from a known one are no slips of the pen: in parts of their length. */
const NEAR = 0.4;

/** A file in YAML, and everything that is wrong with it, each in one line that begins with its place. */
export class YamlSource {
  readonly problems: string[] = [];
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { code, message, pos } of [...this.#document.errors, ...this.#document.warnings]) {
      const key = /^[^\s:]*/.exec(text.slice(pos[0]))?.[0];
      const problem = code === 'DUPLICATE_KEY' ? `${key}: is given twice` : `is not YAML: ${message}`;
      this.problems.push(`${this.#placeAt(pos[0])}: ${problem}`);
    }
  }

  /** What the file holds; null: nothing. */
  get root(): Node | null {
    return this.#document.contents;
  }

  /** `file:line:column` of a node. */
  placeOf(node: Node | null): string {
    return this.#placeAt(node?.range?.[0] ?? 0);
  }

  /** Notes what is wrong with a value. */
  complain(place: string, name: string, problem: string): void {
    this.problems.push(`${place}: ${name}: ${problem}`);
  }

  /** The keys of a map and what belongs to them; those that are not known are problems. */
  fields(map: YAMLMap, known: readonly string[], what: string): Field[] {
    return this.anyFields(map).filter(({ key, place }) => {
      if (known.includes(key)) return true;
      this.complain(place, key, `is not ${what}${suggestion(key, known)}`);
      return false;
    });
  }

  /** The keys of a map and what belongs to them. */
  anyFields(map: YAMLMap): Field[] {
    return (map.items as { readonly key: Node; readonly value: Node | null }[]).map(({ key, value }) => ({
      key: isScalar(key) ? (key.source ?? String(key.value)) : 'what is no text',
      node: this.#resolved(value),
      place: this.placeOf(key),
    }));
  }

  /** Whether it is a text, a number, or true or false. */
  isScalar(node: Node | null): boolean {
    return isScalar(node);
  }

  /** The keys of a map whatever they are; undefined, and a problem, if it is none. */
  map(node: Node | null, place: string, name: string, takes: string): YAMLMap | undefined {
    if (isMap(node)) return node;
    this.complain(this.#placeOr(node, place), name, `${described(node)}; it takes ${takes}`);
    return undefined;
  }

  /** The entries of a list; undefined, and a problem, if it is none. */
  list(node: Node | null, place: string, name: string, takes: string): Node[] | undefined {
    if (isSeq(node)) return (node.items as Node[]).map((item) => this.#resolved(item) as Node);
    this.complain(this.#placeOr(node, place), name, `${described(node)}; it takes ${takes}`);
    return undefined;
  }

  /** What is written for a setting, as in a flag; undefined, and a problem, unless the setting takes it. */
  written({ node, key, place }: Field, { takes, parse }: ReadableSetting): WrittenValue | undefined {
    const at = this.#placeOr(node, place);
    const written = this.#text(node);
    const fits = written !== undefined && parse(written.text) !== undefined;
    if (fits && isOfType(written, parse.schema)) return { value: written.text, place: at };
    const hint = written?.type === 'string' ? 'leave the quotes away' : 'put it in quotes';
    const problem = `${described(node)}; it takes ${takes}`;
    this.complain(at, key, fits ? `${problem}: ${hint}` : problem);
    return undefined;
  }

  /** A scalar, or a list of texts, as a flag has it; undefined if it is neither. */
  #text(node: Node | null): WrittenText | undefined {
    if (!isSeq(node)) return scalarText(node);
    const items = node.items.map((item) => scalarText(this.#resolved(item as Node)));
    const texts = items.flatMap((item) => (item?.type === 'string' ? [item.text] : []));
    return texts.length < items.length ? undefined : { text: texts.join(','), type: 'array' };
  }

  #resolved(node: Node | null): Node | null {
    return isAlias(node) ? (node.resolve(this.#document) ?? null) : node;
  }

  #placeOr(node: Node | null, place: string): string {
    return node?.range ? this.placeOf(node) : place;
  }

  #placeAt(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${Math.max(1, line)}:${Math.max(1, col)}`;
  }
}

function scalarText(node: Node | null): WrittenText | undefined {
  if (!isScalar(node) || node.value === null) return undefined;
  const { value, source } = node;
  if (typeof value === 'string') return { text: value, type: 'string' };
  return { text: source ?? '', type: typeof value === 'number' ? 'integer' : typeof value };
}

/** Whether a schema has values of its type: what is a number in a flag may be no text in a file. */
function isOfType(written: WrittenText, { type, anyOf, enum: names, pattern = '' }: ValueSchema): boolean {
  if (anyOf !== undefined) return anyOf.some((schema) => isOfType(written, schema));
  if (type !== written.type) return false;
  return (
    type !== 'string' || (new RegExp(pattern).test(written.text) && names?.includes(written.text) !== false)
  );
}

/** What stands there in place of what is wanted, and that it is wrong. */
function described(node: Node | null): string {
  if (isMap(node)) return 'is a map';
  if (isSeq(node)) return 'is a list that is not accepted';
  if (!isScalar(node) || node.value === null) return 'has no value';
  const text = node.source ?? '';
  if (typeof node.value === 'string') return `${JSON.stringify(node.value)} is not accepted`;
  return `${typeof node.value === 'number' ? 'the number ' : ''}${text} is not accepted`;
}

function suggestion(key: string, known: readonly string[]): string {
  const [nearest] = known
    .map((name) => ({ name, distance: leven(name, key.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  return nearest !== undefined && nearest.distance <= NEAR * Math.max(key.length, nearest.name.length)
    ? `: did you mean ${nearest.name}?`
    : '';
}
