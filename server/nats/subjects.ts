/** Subject of a room's reliable messages, stored by the stream. */
export const roomSubject = (room: string): string => `live.room.${room}`;
/** Subject under which the stream republishes what it has stored of a room. */
export const feedSubject = (room: string): string => `live.feed.${room}`;
/** Subject of a room's ephemeral messages. */
export const ephemeralSubject = (room: string): string => `live.eph.${room}`;
/** Subject of the gateways' viewer counts of a room. */
export const presenceSubject = (room: string): string => `live.presence.${room}`;
/** Subject on which gateways with viewers of a room answer with their number. */
export const censusSubject = (room: string): string => `live.census.${room}`;
/** Subject on which gateways that find the stream absent agree on who creates it. */
export const creationSubject = (stream: string): string => `live.create.${stream}`;

/** What the stream stores. */
export const STORED_SUBJECTS = roomSubject('*');
/** How the stream republishes it. */
export const REPUBLISH = { src: STORED_SUBJECTS, dest: feedSubject('{{wildcard(1)}}') };
