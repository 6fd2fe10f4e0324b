import fc from 'fast-check';
import t from 'tap';
import { hex0x } from '../../../server/core/anchor/fields.ts';
import { trieKey, valueFromTrieProof } from '../../../server/core/anchor/trie.ts';
import { buildListTrie } from '../../../server/core/anchor/trie-build.ts';
import { keccak256 } from '../../../server/core/hash/keccak.ts';
import { fromHex, toHex, utf8 } from '../../../server/core/read/bytes.ts';
import { encodeRlp, type RlpItem } from '../../../server/core/read/rlp.ts';
import { NO_VECTORS, realBlock, unhex } from '../../support/ethereum-block.ts';
import { refusal } from '../../support/format-error.ts';
import { naiveTrieRoot } from './naive-trie.ts';

const long = (i: number): Uint8Array => utf8(`value ${i} `.repeat(6));

for (const number of [2924874, 15571241]) {
  const block = realBlock(number);
  t.test(
    `main-net block ${number}: the root is that of the header, and every proof holds`,
    {
      skip: block === undefined && NO_VECTORS,
    },
    async (t) => {
      const values = block!.rawTransactions.map(unhex);
      const trie = buildListTrie(values);
      t.equal(hex0x(trie.root), block!.transactionsRoot);
      for (const [i, value] of values.entries())
        t.strictSame(valueFromTrieProof(trie.root, trieKey(i), trie.proof(i)), value);
    },
  );
}

t.test(
  'roots are those of the naive recursion, at every size and for tiny values that stand inside their parents',
  async (t) => {
    for (const size of [0, 1, 2, 3, 16, 17, 127, 128, 129, 130, 255, 256, 257, 400])
      for (const make of [long, (i: number) => Uint8Array.of(i % 256), () => utf8('x'.repeat(20))]) {
        const values = Array.from({ length: size }, (_, i) => make(i));
        t.equal(toHex(buildListTrie(values).root), toHex(naiveTrieRoot(values)), `${size}`);
      }
  },
);

t.test('a proof of tiny values has no node that stands inside another one', async (t) => {
  const trie = buildListTrie(Array.from({ length: 20 }, (_, i) => Uint8Array.of(i)));
  for (const index of [0, 5, 19]) for (const node of trie.proof(index).slice(1)) t.ok(node.length >= 32);
});

t.test('any value of any list is proven, and under no other index', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), fc.nat(), (size, a, b) => {
      const trie = buildListTrie(Array.from({ length: size }, (_, i) => long(i)));
      const [index, other] = [a % size, b % (size + 1)];
      const proof = trie.proof(index);
      const read = (at: number) => toHex(valueFromTrieProof(trie.root, trieKey(at), proof));
      return (
        read(index) === toHex(long(index)) && (other === index || refusal(() => read(other)) !== undefined)
      );
    }),
  );
});

t.test('an index that the list does not have has no proof', async (t) => {
  for (const index of [-1, 3, 0.5])
    t.equal(
      refusal(() => buildListTrie([long(0), long(1), long(2)]).proof(index)),
      'trie-index-invalid',
    );
  t.equal(
    refusal(() => buildListTrie([]).proof(0)),
    'trie-index-invalid',
  );
});

const trie = buildListTrie(Array.from({ length: 200 }, (_, i) => long(i)));
const proof = trie.proof(150);
const check = (nodes: readonly Uint8Array[], key = trieKey(150), root = trie.root) =>
  refusal(() => valueFromTrieProof(root, key, nodes));

t.test('a proof is refused when', async (t) => {
  t.equal(check(proof), undefined);
  t.equal(check([]), 'trie-proof-incomplete', 'it is empty');
  t.equal(check(proof.slice(0, -1)), 'trie-proof-incomplete', 'its leaf is missing');
  t.equal(check(proof.slice(1)), 'trie-node-hash', 'its root is missing');
  t.equal(check([...proof, proof.at(-1)!]), 'trie-node-surplus', 'a node stands behind the leaf');
  t.equal(check([proof[0]!, ...proof]), 'trie-node-hash', 'a node stands twice');
  t.equal(check(proof, trieKey(151)), 'trie-node-hash', 'the index is another one');
  t.equal(check(proof, undefined, new Uint8Array(32)), 'trie-node-hash', 'the root is another one');
});

t.test('every changed bit of every node is noticed', async (t) => {
  const nodes = proof.map((node) => node.slice());
  for (const [i, node] of nodes.entries())
    for (let at = 0; at < node.length; at++) {
      node[at]! ^= 1 << (at % 8);
      if (check(nodes) !== 'trie-node-hash') t.fail(`node ${i}, byte ${at}`);
      node[at]! ^= 1 << (at % 8);
    }
  t.equal(check(nodes), undefined);
});

/** A trie of one node: the key 0x80 has the nibbles 8 and 0. */
const single = (node: RlpItem, key = trieKey(0)) => {
  const encoded = encodeRlp(node);
  return check([encoded], key, keccak256(encoded));
};
const value = new Uint8Array(40).fill(7);
const hash = new Uint8Array(32).fill(5);
const branch = (child: RlpItem): RlpItem => [
  ...Array.from({ length: 16 }, (_, i) => (i === 8 ? child : new Uint8Array())),
  new Uint8Array(),
];
const nodes: Record<string, [node: RlpItem, code: string | undefined]> = {
  'a leaf over the whole key, which is good': [[fromHex('2080'), value], undefined],
  'a leaf with an odd path that goes on': [[fromHex('3802'), value], 'trie-path-differs'],
  'a leaf whose path ends early': [[fromHex('38'), value], 'trie-path-differs'],
  'a leaf whose path is longer than the key': [[fromHex('208000'), value], 'trie-path-differs'],
  'a leaf with another path': [[fromHex('2081'), value], 'trie-path-differs'],
  'a path with a flag that does not exist': [[fromHex('4080'), value], 'trie-node-invalid'],
  'a path with dirt in its padding': [[fromHex('2180'), value], 'trie-node-invalid'],
  'a path without a flag': [[new Uint8Array(), value], 'trie-node-invalid'],
  'a path that is a list': [[[], value], 'trie-node-invalid'],
  'a leaf whose value is a list': [[fromHex('2080'), [value]], 'trie-node-invalid'],
  'an extension over nothing': [[fromHex('00'), hash], 'trie-node-invalid'],
  'an extension to a node inside it': [[fromHex('18'), [value, value]], 'trie-reference-invalid'],
  'an extension to a hash, which is not given': [[fromHex('0080'), hash], 'trie-proof-incomplete'],
  'a branch with nothing under the nibble': [branch(new Uint8Array()), 'trie-reference-invalid'],
  'a branch with a node inside it': [branch([fromHex('30'), utf8('short')]), 'trie-reference-invalid'],
  'a branch with a hash, which is not given': [branch(hash), 'trie-proof-incomplete'],
  'three items': [[value, value, value], 'trie-node-invalid'],
  'a string': [value, 'trie-node-invalid'],
  'less than 32 bytes': [[fromHex('2080'), utf8('short')], 'trie-node-short'],
};
for (const [what, [node, code]] of Object.entries(nodes))
  t.test(`a node that is ${what}: ${code ?? 'accepted'}`, async (t) => {
    // A branch of empty children is short; its value is not looked at, so it fills the node.
    const filled = Array.isArray(node) && node.length === 17 ? [...node.slice(0, 16), value] : node;
    t.equal(single(filled as RlpItem), code);
  });

t.test('a branch where the key ends is refused: no key begins another one', async (t) => {
  const end = encodeRlp([...Array.from({ length: 16 }, () => new Uint8Array()), value]);
  const top = encodeRlp([fromHex('0080'), keccak256(end)]);
  t.equal(check([top, end], trieKey(0), keccak256(top)), 'trie-path-differs');
});
