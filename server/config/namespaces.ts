import type { Node } from 'yaml';
import { matchesRoomPattern } from '../../protos/rights.ts';
import { classOfKnownType } from '../../protos/vocabulary.ts';
import type { Namespace, TypeRule } from '../policy/namespace.ts';
import { NAMESPACE_SETTINGS, TYPE_NAME, TYPE_SETTINGS, TYPES } from './namespace-settings.ts';
import type { NamespaceSetting } from './namespace-settings.ts';
import type { Field, WrittenValue, YamlSource } from './yaml-source.ts';

/** Where namespaces stand in the file, and what the section is. */
export const NAMESPACES = {
  key: 'namespaces',
  help: 'what holds in some rooms beside the settings for all',
  takes: 'a list of namespaces',
} as const;

/** A namespace as it is written. */
export interface WrittenNamespace {
  readonly namespace: Namespace;
  readonly place: string;
  /** Its keys as they are written; those of types as `types.NAME`. */
  readonly keys: readonly WrittenKey[];
}

/** A key of a namespace, its value, and where that stands. */
export interface WrittenKey extends WrittenValue {
  readonly key: string;
}

const KEYS = ['rooms', 'types', ...Object.keys(NAMESPACE_SETTINGS).filter((key) => key !== 'rooms')];

/** The namespaces of a file; what is wrong with them is noted in `source`. */
export function readNamespaces(source: YamlSource, { key, node, place }: Field): WrittenNamespace[] {
  const written: WrittenNamespace[] = [];
  for (const item of source.list(node, place, key, NAMESPACES.takes) ?? []) {
    const found = new NamespaceReader(source, item).read();
    if (found === undefined) continue;
    const hiding = written.find(({ namespace }) => covers(namespace.rooms, found.namespace.rooms));
    if (hiding !== undefined)
      source.complain(
        found.place,
        found.namespace.rooms,
        `never counts: ${hiding.namespace.rooms} (${hiding.place}) comes first`,
      );
    written.push(found);
  }
  return written;
}

/** Whether all rooms that fit one pattern fit another, too. */
function covers(pattern: string, other: string): boolean {
  const [before = '', after] = other.split('*');
  // Nothing but a `*` stands for what no room name has.
  return matchesRoomPattern(pattern, after === undefined ? before : `${before}~${after}`);
}

/** One namespace, key by key. */
class NamespaceReader {
  readonly #source: YamlSource;
  readonly #item: Node;
  readonly #keys: WrittenKey[] = [];

  constructor(source: YamlSource, item: Node) {
    this.#source = source;
    this.#item = item;
  }

  /** Undefined if it cannot be told which rooms it is about. */
  read(): WrittenNamespace | undefined {
    const place = this.#source.placeOf(this.#item);
    const map = this.#source.map(this.#item, place, NAMESPACES.key, 'namespaces that are maps with rooms');
    if (map === undefined) return undefined;
    const fields = this.#source.fields(map, KEYS, 'a key of a namespace');
    if (!fields.some(({ key }) => key === 'rooms'))
      this.#source.complain(place, NAMESPACES.key, 'a namespace needs rooms: which rooms is it about?');
    const values = (key: keyof typeof NAMESPACE_SETTINGS): Field | undefined =>
      fields.find((field) => field.key === key);
    const s = NAMESPACE_SETTINGS;
    const rooms = this.#value(values('rooms'), s.rooms);
    const types = fields.find(({ key }) => key === 'types');
    const policy = {
      types: types && this.#types(types),
      roomEphemeralRate: this.#value(values('room-ephemeral-rate'), s['room-ephemeral-rate']),
      userPublishRate: this.#value(values('user-publish-rate'), s['user-publish-rate']),
      maxPayload: this.#value(values('max-payload'), s['max-payload']),
      historyMessages: this.#value(values('history-messages'), s['history-messages']),
      historyAgeMs: this.#value(values('history-age'), s['history-age']),
      state: this.#value(values('state'), s.state),
      presence: this.#value(values('presence'), s.presence),
    };
    return rooms === undefined ? undefined : { namespace: { rooms, ...policy }, place, keys: this.#keys };
  }

  #types({ node, place }: Field): Readonly<Record<string, TypeRule>> | undefined {
    const map = this.#source.map(node, place, 'types', TYPES.takes);
    if (map === undefined) return undefined;
    const rules: [string, TypeRule][] = [];
    for (const field of this.#source.anyFields(map)) {
      const { key, place: at } = field;
      if (!TYPE_NAME.test(key)) this.#source.complain(at, key, 'a type is 1 to 64 of A-Z a-z 0-9 _ . -');
      const rule = this.#typeRule(field);
      if (rule === undefined) continue;
      const known = classOfKnownType(key);
      if (known !== undefined && known !== rule.deliveryClass)
        this.#source.complain(at, key, `is always ${known.toLowerCase()}: use another type`);
      rules.push([key, rule]);
    }
    return Object.fromEntries(rules);
  }

  #typeRule(field: Field): TypeRule | undefined {
    const prefix = `types.${field.key}`;
    if (this.#source.isScalar(field.node)) {
      const deliveryClass = this.#value(field, TYPE_SETTINGS.class, prefix);
      return deliveryClass && { deliveryClass, moderatorsOnly: false };
    }
    const map = this.#source.map(field.node, field.place, field.key, TYPES.takes);
    if (map === undefined) return undefined;
    const fields = this.#source.fields(map, Object.keys(TYPE_SETTINGS), 'a key of a type');
    const of = (key: keyof typeof TYPE_SETTINGS): Field | undefined => fields.find((f) => f.key === key);
    if (of('class') === undefined)
      this.#source.complain(field.place, field.key, `needs its class; it takes ${TYPE_SETTINGS.class.takes}`);
    const deliveryClass = this.#value(of('class'), TYPE_SETTINGS.class, `${prefix}.class`);
    const only = TYPE_SETTINGS['moderators-only'];
    const moderatorsOnly = this.#value(of('moderators-only'), only, `${prefix}.moderators-only`) ?? false;
    return deliveryClass && { deliveryClass, moderatorsOnly };
  }

  #value<T>(field: Field | undefined, setting: NamespaceSetting<T>, key = field?.key): T | undefined {
    const written = field && this.#source.written(field, setting);
    if (written === undefined) return undefined;
    this.#keys.push({ key: key as string, ...written });
    return setting.parse(written.value);
  }
}
