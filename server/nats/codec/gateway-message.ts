import type { GatewayLoad } from '../../cluster/fleet.ts';
import type { ViewerCountNews } from '../../cluster/viewer-counts.ts';

/**
 * What gateways tell each other, as JSON, on one subject for all of them.
 * - `rooms`: how many viewers there are at one of them; without a `load` it takes no more from others;
 * - `ask`: something of what these have told was missed, or all of it if none is named: they are to tell everything;
 * - `gone`: a gateway, and its viewers with it.
 */
export type GatewayMessage =
  | (ViewerCountNews & { readonly load?: GatewayLoad | undefined })
  | { readonly ask: readonly string[] }
  | { readonly gone: string };

/** @throws when it is none, whoever sent it */
export function parseGatewayMessage(json: string): GatewayMessage {
  const told: unknown = JSON.parse(json);
  if (isNews(told) || isAsk(told) || isGone(told)) return told;
  throw new Error(`no gateway says ${json.slice(0, 200)}`);
}

type Unknown<T> = { readonly [Key in keyof T]?: unknown };

const isString = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

function isNews(told: unknown): told is ViewerCountNews & { readonly load?: GatewayLoad } {
  if (!isObject(told)) return false;
  const { gateway, n, whole, rooms, load } = told as Unknown<ViewerCountNews & { load: GatewayLoad }>;
  const isNamed = isString(gateway) && gateway.length > 0 && gateway.length <= 64;
  const isNumbered = isCount(n) && n > 0 && typeof whole === 'boolean';
  return (
    isNamed &&
    isNumbered &&
    Array.isArray(rooms) &&
    rooms.every(isRoom) &&
    (load === undefined || isLoad(load))
  );
}

function isRoom(entry: unknown): boolean {
  return Array.isArray(entry) && entry.length === 2 && isString(entry[0]) && isCount(entry[1]);
}

function isLoad(load: unknown): boolean {
  if (!isObject(load)) return false;
  const { stream, sessions, endpoint } = load as Unknown<GatewayLoad>;
  const isEndpoint = endpoint === undefined || (isString(endpoint) && endpoint.length <= 300);
  return isString(stream) && isCount(sessions) && isEndpoint;
}

const isAsk = (told: unknown): told is { readonly ask: readonly string[] } =>
  isObject(told) && 'ask' in told && Array.isArray(told.ask) && told.ask.every(isString);
const isGone = (told: unknown): told is { readonly gone: string } =>
  isObject(told) && 'gone' in told && isString(told.gone);
