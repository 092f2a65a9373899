import { withCors } from '../http/cors.ts';
import { inTurn } from '../http/in-turn.ts';
import type { HttpRoute } from '../http/server.ts';
import { connectRoute } from './connect-protocol.ts';
import type { ApiDependencies } from './dependencies.ts';
import { openApiRoute } from './openapi/route.ts';
import { roomsRoute } from './rooms-route.ts';

/** Everything that is served to whoever speaks HTTP only. */
export function apiRoutes(dependencies: ApiDependencies): readonly HttpRoute[] {
  const { allowedOrigins, entrance } = dependencies;
  const rooms = roomsRoute(dependencies);
  const routes = [
    withCors(connectRoute(dependencies), () => ['POST'], allowedOrigins),
    withCors(openApiRoute(), () => ['GET', 'HEAD'], allowedOrigins),
    withCors(rooms, rooms.methodsAt, allowedOrigins),
  ];
  return routes.map((route) => inTurn(route, entrance.intake));
}
