import assert from 'node:assert/strict';
import { parseConfig } from '../../server/config/config.ts';
import { servesDemo } from '../../server/config/demo.ts';

function serves(line: string): boolean {
  const invocation = parseConfig(line.split(' ').filter(Boolean), {});
  assert.equal(invocation.kind, 'serve');
  return servesDemo(invocation.config);
}

describe('--demo', () => {
  for (const [line, expected] of [
    ['', true],
    ['--workers 4 --http 127.0.0.1:9090', true],
    ['--demo false', false],
    ['--nats a:4222', false],
    ['--listen 0.0.0.0:1 --insecure', false],
    ['--http 0.0.0.0:1 --insecure', false],
    ['--jwt-secret-file secret', false],
    ['--tls-cert cert --tls-key key', false],
    ['--nats a:4222 --demo', true],
    ['--listen 0.0.0.0:1 --insecure --demo true', true],
  ] as const)
    it(`${expected ? 'serves' : 'does not serve'} it with ${line || 'nothing'}`, () => {
      assert.equal(serves(line), expected);
    });

  it('is refused where viewers need tokens: the page has none', () => {
    assert.throws(() => serves('--demo --jwks-url https://a.example/keys'), /--demo .*has no tokens to show/);
  });
});
