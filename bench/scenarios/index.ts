import type { Scenario } from '../scenario.ts';
import { attack } from './attack.ts';
import { chat } from './chat.ts';
import { clientReceive } from './client-receive.ts';
import { idle } from './idle.ts';
import { publish } from './publish.ts';
import { replayFromJetStream, replayFromMemory } from './replay.ts';
import { rollingRestart } from './rolling-restart.ts';
import { jitter, storm } from './resume.ts';
import { rooms, saturated, smallRoom, throughGateway, viewers } from './saturated.ts';
import { latency, sameWork } from './steady.ts';
import { stuck } from './stuck.ts';

/** All questions, in the order of the report. */
export const scenarios: readonly Scenario[] = [
  saturated,
  throughGateway,
  sameWork,
  latency,
  viewers,
  smallRoom,
  rooms,
  idle,
  replayFromMemory,
  replayFromJetStream,
  storm,
  jitter,
  rollingRestart,
  stuck,
  attack,
  publish,
  clientReceive,
  chat,
];
