/**
 * The fields of a JSON object and the text of each value, as it is written but for the space between its parts. For values that have to
 * stay what they are: a parsed number has 53 bits.
 * @param json an object that `JSON.parse` takes
 * @throws Error if a field is there twice
 */
export function jsonFields(json: string): Map<string, string> {
  const fields = new Map<string, string>();
  let depth = 0;
  let name: string | undefined;
  let value: string[] = [];
  const finish = (): void => {
    if (name !== undefined) {
      if (fields.has(name)) throw new Error(`"${name}" is there twice`);
      fields.set(name, value.join(''));
    }
    name = undefined;
    value = [];
  };
  for (const token of tokens(json)) {
    if (token === '}' || token === ']') depth -= 1;
    const isOutermost = (depth === 1 && token === ',') || depth === 0;
    if (isOutermost) finish();
    else if (depth > 1 || name !== undefined) {
      if (value.length > 0 || token !== ':') value.push(token);
    } else name = JSON.parse(token) as string;
    if (token === '{' || token === '[') depth += 1;
  }
  return fields;
}

const space = /\s/;
const punctuation = new Set('{}[],:');

/** The parts of a JSON text that is known to be one. */
function* tokens(json: string): Generator<string, void, undefined> {
  let at = 0;
  while (at < json.length) {
    if (space.test(json.charAt(at))) {
      at += 1;
      continue;
    }
    const end = endOfToken(json, at);
    yield json.slice(at, end);
    at = end;
  }
}

function endOfToken(json: string, start: number): number {
  const first = json.charAt(start);
  if (punctuation.has(first)) return start + 1;
  let at = start + 1;
  if (first === '"') {
    while (json.charAt(at) !== '"') at += json.charAt(at) === '\\' ? 2 : 1;
    return at + 1;
  }
  while (at < json.length && !punctuation.has(json.charAt(at)) && !space.test(json.charAt(at))) at += 1;
  return at;
}
