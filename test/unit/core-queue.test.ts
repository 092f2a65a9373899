import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Queue } from '../../common/queue.ts';
import { runs } from '../helpers/property.ts';

describe('core: queue', () => {
  it('property: is what an array would be, beside another queue', () => {
    const step = fc.record({
      queue: fc.nat({ max: 1 }),
      action: fc.constantFrom('push', 'push', 'shift', 'shift', 'clear'),
      item: fc.nat({ max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const queues = [new Queue<number>(), new Queue<number>()];
        const arrays: number[][] = [[], []];
        for (const { queue: index, action, item } of steps) {
          const queue = queues[index] ?? assert.fail();
          const array = arrays[index] ?? assert.fail();
          if (action === 'push') {
            queue.push(item);
            array.push(item);
          } else if (action === 'shift') {
            assert.equal(queue.shift(), array.shift());
          } else {
            queue.clear();
            array.length = 0;
          }
          for (const [at, { length }] of arrays.entries()) assert.equal(queues[at]?.length, length);
          assert.equal(queue.has(item), array.includes(item));
        }
      }),
      runs(300),
    );
  });
});
