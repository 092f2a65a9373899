import type { Clock } from '../../common/clock.ts';
import type { Asker } from '../../common/turns.ts';
import { classOfKnownType } from '../../protos/vocabulary.ts';
import type { MessageContent } from '../log/message.ts';
import type { Hub } from '../room/hub.ts';
import { CommandError } from '../state/command-error.ts';
import { isCommand, parseCommand } from '../state/command.ts';
import { banOf } from '../state/dismissal.ts';
import type { RoomState } from '../state/room-state.ts';
import { isOver, onList } from '../state/room-state.ts';
import type { Access } from './access.ts';
import { dismissed, until } from './dismissed.ts';
import { Failure } from './failure.ts';

/** A message that is to be published, and by whom. */
export interface Proposal {
  readonly room: string;
  readonly content: Pick<MessageContent, 'type' | 'payload'>;
  readonly access: Access;
  readonly asker: Asker;
}

/** What may be published in a room, as its state is: who is muted, that it is closed, and who may change that. */
export class RoomRules {
  readonly #hub: Pick<Hub, 'keepsStates' | 'stateOf'>;
  readonly #clock: Clock;

  constructor(hub: Pick<Hub, 'keepsStates' | 'stateOf'>, clock: Clock) {
    this.#hub = hub;
    this.#clock = clock;
  }

  /** Whether there are any. */
  get inForce(): boolean {
    return this.#hub.keepsStates;
  }

  /** @throws Failure unless it may be published */
  async require(proposal: Proposal): Promise<void> {
    const { room, content, access, asker } = proposal;
    if (isCommand(content.type)) this.#requireCommand(proposal);
    if (isHost(access, room)) return;
    const view = await this.#hub.stateOf(room, asker);
    if (view === undefined)
      throw new Failure(
        'UPSTREAM_UNAVAILABLE',
        `it cannot be known now whether room ${room} is closed or muted`,
      );
    this.#requireOpen(view.state, proposal);
  }

  #requireCommand({ room, content, access }: Proposal): void {
    access.requireModerateIn(room, content.type);
    try {
      parseCommand(content.type, content.payload, this.#clock.wallMs());
    } catch (error) {
      if (error instanceof CommandError) throw new Failure('MESSAGE_INVALID', error.message);
      throw error;
    }
  }

  #requireOpen(state: RoomState, { room, content: { type }, access: { user } }: Proposal): void {
    const nowMs = this.#clock.wallMs();
    const ban = banOf(state, user, nowMs);
    if (ban !== undefined) throw dismissed(ban, room);
    if (state.closed !== undefined && !isCommand(type))
      throw dismissed({ kind: 'closed', ...state.closed }, room);
    if (!isSpeech(type)) return;
    const { muted } = state;
    if (muted !== undefined && !isOver(muted, nowMs))
      throw new Failure('ROOM_MUTED', `room ${room} is muted${until(muted.untilMs)}`);
    const silenced = user === undefined ? undefined : onList(state, 'muted', user, nowMs);
    if (silenced !== undefined)
      throw new Failure('USER_MUTED', `the user is muted in room ${room}${until(silenced.untilMs)}`);
  }
}

/** Whom neither mutes nor closings hold up. Where nobody is asked who he is there are no hosts. */
const isHost = (access: Access, room: string): boolean =>
  access.user !== undefined && access.mayModerateIn(room);

/** What those who are muted may not send: comments, and whatever an application has named itself. */
const isSpeech = (type: string): boolean => type === 'comment' || classOfKnownType(type) === undefined;
