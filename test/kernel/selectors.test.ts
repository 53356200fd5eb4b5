import { matchLabels, parseLabelSelector } from 'orlop/plugin';
import t from 'tap';

t.test('label selectors', async (t) => {
  const cases: [string, Record<string, string>, boolean][] = [
    ['a=b', { a: 'b' }, true],
    ['a==b', { a: 'c' }, false],
    ['a!=b', {}, true],
    ['a in (b, c)', { a: 'c' }, true],
    ['a notin (b,c)', { a: 'c' }, false],
    ['a', { a: '' }, true],
    ['!a', { a: '' }, false],
    ['a>1,b<5', { a: '2', b: '4' }, true],
    ['example.com/a-b=1.x', { 'example.com/a-b': '1.x' }, true],
    ['', { a: 'b' }, true],
  ];
  for (const [text, labels, expected] of cases) t.equal(parseLabelSelector(text)(labels), expected, text);
  t.throws(() => parseLabelSelector('a=(b'), { message: /unable to parse label selector/ });
  t.equal(matchLabels({})({ a: 'b' }), false, 'an empty map selects nothing');
});
