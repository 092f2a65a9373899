import type { HostRequest } from './protocol.ts';
import { ViewerHost } from './host.ts';

/*
 * The process of a share of the viewers. It lives as long as the channel to the tool that started it.
 */

const host = new ViewerHost((report) => process.send?.(report));

process.on('disconnect', () => process.exit());
process.on('message', (request: HostRequest) => {
  host.handle(request).catch((error: unknown) => {
    process.send?.({ kind: 'failed', message: String(error) });
  });
});
