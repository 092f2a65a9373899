/*
 * Every type of the contract as frames have it when they are decoded (`X`) or about to be encoded (`XInput`): what a transport is written with. Types only:
 * nothing is loaded.
 */
export type * from './gen/live/v1/Ack.ts';
export type * from './gen/live/v1/Batch.ts';
export type * from './gen/live/v1/CaughtUp.ts';
export type * from './gen/live/v1/ClientFrame.ts';
export type * from './gen/live/v1/Credit.ts';
export type * from './gen/live/v1/Cursor.ts';
export type * from './gen/live/v1/DeliveryClass.ts';
export type * from './gen/live/v1/Ephemeral.ts';
export type * from './gen/live/v1/Feature.ts';
export type * from './gen/live/v1/FrameError.ts';
export type * from './gen/live/v1/Gap.ts';
export type * from './gen/live/v1/GetRoomRequest.ts';
export type * from './gen/live/v1/GetRoomResponse.ts';
export type * from './gen/live/v1/Heartbeat.ts';
export type * from './gen/live/v1/Hello.ts';
export type * from './gen/live/v1/Join.ts';
export type * from './gen/live/v1/Joined.ts';
export type * from './gen/live/v1/Leave.ts';
export type * from './gen/live/v1/Left.ts';
export type * from './gen/live/v1/Limits.ts';
export type * from './gen/live/v1/Message.ts';
export type * from './gen/live/v1/Ping.ts';
export type * from './gen/live/v1/Pong.ts';
export type * from './gen/live/v1/Publish.ts';
export type * from './gen/live/v1/PublishRequest.ts';
export type * from './gen/live/v1/PublishResponse.ts';
export type * from './gen/live/v1/PublishResult.ts';
export type * from './gen/live/v1/PublishResults.ts';
export type * from './gen/live/v1/PullEnd.ts';
export type * from './gen/live/v1/PullRequest.ts';
export type * from './gen/live/v1/PullResponse.ts';
export type * from './gen/live/v1/Reason.ts';
export type * from './gen/live/v1/Reconnect.ts';
export type * from './gen/live/v1/Refusal.ts';
export type * from './gen/live/v1/Reset.ts';
export type * from './gen/live/v1/RoomError.ts';
export type * from './gen/live/v1/ServerFrame.ts';
export type * from './gen/live/v1/Start.ts';
export type * from './gen/live/v1/Upstream.ts';
export type * from './gen/live/v1/UpstreamCause.ts';
export type * from './gen/live/v1/Welcome.ts';
