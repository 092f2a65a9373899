import assert from 'node:assert/strict';
import type { Right } from '../../protos/rights.ts';
import { allows, EVERYTHING } from '../../server/auth/grant.ts';
import { grantOf } from '../../server/auth/claims.ts';
import type { Claims } from '../helpers/tokens.ts';

describe('what a token allows', () => {
  const may = (claims: Claims, right: Right, room = 'lobby'): boolean =>
    allows(grantOf({ sub: 'ann', ...claims }), right, room);

  it('is to watch, comment and like in every room, if it says no more than who it is of', () => {
    assert.ok(may({}, 'watch'));
    assert.ok(may({}, 'publish:comment'));
    assert.ok(may({}, 'publish:like', 'other'));
    for (const right of ['publish:gift', 'moderate', 'speak-for-others'] as const) assert.ok(!may({}, right));
  });

  it('is what its roles stand for, and nothing by roles that are not known', () => {
    assert.ok(may({ roles: ['publisher'] }, 'publish:gift'));
    assert.ok(!may({ roles: ['publisher'] }, 'moderate'));
    assert.ok(may({ roles: ['moderator'] }, 'moderate'));
    assert.ok(!may({ roles: ['moderator'] }, 'speak-for-others'));
    assert.ok(may({ roles: ['service'] }, 'speak-for-others'));
    for (const roles of [['admin'], ['constructor', '__proto__'], []])
      assert.ok(!may({ roles }, 'watch'), JSON.stringify(roles));
  });

  it('is what it lists, by type', () => {
    const claims = { allow: ['watch', 'publish:gift', 'publish:', 'everything'] };
    assert.ok(may(claims, 'publish:gift'));
    assert.ok(!may(claims, 'publish:comment'));
    assert.ok(!may(claims, 'publish:'));
    assert.ok(!may({ allow: ['publish:gift'] }, 'watch'));
    assert.ok(may({ allow: ['publish:*'] }, 'publish:anything'));
    assert.ok(!may({ allow: ['publish:*'] }, 'watch'));
  });

  it('is in the rooms that match', () => {
    const claims = { rooms: ['lobby', 'match-*', '*-test', 'a*z'] };
    for (const room of ['lobby', 'match-', 'match-7', 'x-test', '-test', 'az', 'abcz'])
      assert.ok(may(claims, 'watch', room), room);
    for (const room of ['lobby2', 'match', 'xlobby', 'test', 'a', 'z', 'xaz'])
      assert.ok(!may(claims, 'watch', room), room);
    assert.ok(!may({ rooms: ['aa*a'] }, 'watch', 'aa'), 'no character counts twice');
    assert.ok(!may({ rooms: [] }, 'watch'));
  });

  it('differs from room to room, where it says so', () => {
    const claims = {
      rooms: ['lobby'],
      grants: [{ rooms: ['mine'], roles: ['moderator'] }, { rooms: ['none'] }],
    };
    assert.ok(may(claims, 'watch', 'lobby'));
    assert.ok(!may(claims, 'moderate', 'lobby'));
    assert.ok(may(claims, 'moderate', 'mine'));
    assert.ok(!may(claims, 'watch', 'none'), 'a grant that names no rights gives none');
  });

  it('is everything, where nobody is asked', () => {
    for (const right of ['watch', 'moderate', 'speak-for-others', 'publish:x'] as const)
      assert.ok(allows(EVERYTHING, right, 'r'));
  });
});
