import t from 'tap';
import { certificateContent } from '../../server/documents/certificate-content.ts';
import { beijing, type Content, type Row, utc, type Value } from '../../server/documents/content.ts';
import type { ClockFact, TokenFact } from '../../server/documents/input.ts';
import { PAPER_WORDS, type PaperWord, paperWords } from '../../server/messages/paper.ts';
import { changed, type Document, inputOf } from './sample.ts';

const rowsOf = ({ sections }: Content): readonly Row[] => sections.flatMap(({ rows = [] }) => rows);

function rowOf(content: Content, label: PaperWord): Row {
  const found = rowsOf(content).find((row) => row.label.zh === paperWords(label).zh);
  if (found === undefined) throw new Error(`there is no row ${label}`);
  return found;
}

const shown = (value: Value): string => {
  if (value.kind === 'words') return `${value.zh} ${value.en}`;
  if (value.kind === 'time') return value.at;
  return value.kind === 'hex' ? value.prefix + value.hex : value.text;
};
const textOf = (content: Content, label: PaperWord): string =>
  rowOf(content, label).values.map(shown).join('\n');

/** Every field of the field list that a certificate must show, by its number there. Tables have tests of their own. */
const REQUIRED: readonly (readonly [number, PaperWord])[] = [
  [1, 'number'],
  [2, 'evidence-id'],
  [3, 'version'],
  [3, 'issued-at'],
  [3, 'state'],
  [4, 'depositor-name'],
  [5, 'depositor-id'],
  [6, 'agent'],
  [7, 'identity-check'],
  [8, 'operator'],
  [9, 'evidence-title'],
  [9, 'category'],
  [9, 'description'],
  [12, 'source'],
  [13, 'method'],
  [13, 'tool'],
  [14, 'captured-from'],
  [14, 'captured-to'],
  [15, 'time-source'],
  [16, 'place'],
  [17, 'environment'],
  [18, 'cleanliness'],
  [19, 'process-log'],
  [20, 'origin'],
  [21, 'files-count'],
  [21, 'package-hash'],
  [23, 'token'],
  [24, 'chain-name'],
  [24, 'chain-id'],
  [24, 'chain-run-by'],
  [25, 'contract'],
  [25, 'transaction'],
  [25, 'block-number'],
  [25, 'block-hash'],
  [25, 'block-time'],
  [26, 'batch'],
  [26, 'root'],
  [26, 'salt'],
  [26, 'leaf'],
  [27, 'finality'],
  [28, 'provider'],
  [28, 'provider-uscc'],
  [29, 'filing-blockchain'],
  [29, 'filing-mlps'],
  [29, 'filing-crypto'],
  [30, 'interests'],
  [30, 'readings'],
  [31, 'standards'],
  [32, 'custody-medium'],
  [32, 'custody-place'],
  [33, 'fixity'],
  [34, 'transfers'],
  [35, 'check-url'],
  [35, 'check-code'],
  [36, 'checker-digest'],
  [36, 'step-verify'],
  [38, 'seal'],
  [38, 'seal-fingerprint'],
];

/** Nothing given: what a depositor must give, and no more. */
const bare = (document: Document): void => {
  Object.assign(document.entry.evidence, {
    ...{ accused: null, capturedFrom: null, capturedTo: null, category: null, corroborations: [] },
    ...{ description: null, right: null },
  });
  Object.assign(document.entry.evidence.origin, { method: null, source: null });
};

t.test(
  'every field that a certificate must show is a row with a value, also where nothing was given',
  async (t) => {
    for (const change of [undefined, bare]) {
      const content = certificateContent(await inputOf(changed(change)));
      for (const [number, label] of REQUIRED) {
        const { values } = rowOf(content, label);
        t.ok(values.length > 0 && values.every((value) => shown(value).trim() !== ''), `${number} ${label}`);
      }
    }
  },
);

t.test('what the depositor gave stands as it was given', async (t) => {
  const content = certificateContent(
    await inputOf(
      changed(({ entry }) => {
        Object.assign(entry.evidence, { capturedBy: '王某', confidentiality: 'trade-secret' });
        Object.assign(entry.evidence.origin, {
          tool: '取证仪 3.1',
          place: '宁波',
          environment: 'Windows 11',
          statement: '本人所摄',
        });
        entry.depositor.uscc = '91350200MA2YJ1XR9G';
        entry.clock = 'agreed';
      }),
    ),
  );
  const expected: Partial<Record<PaperWord, string>> = {
    operator: '王某',
    tool: '取证仪 3.1',
    place: '宁波',
    environment: 'Windows 11',
    'captured-from': '2026-11-22T06:58:00.000Z',
    'captured-to': '2026-11-22T06:59:30.500Z',
    'evidence-title': '涉嫌侵权商品页面',
    right: '外观设计专利\nZL202630000001.X\n示范权利人甲有限公司',
    accused: '某某商贸\n示例店铺\nhttps://shop.example/item/1',
    corroborations: '订单号 20261122-0001',
    salt: '00112233445566778899aabbccddeeff',
  };
  for (const [label, text] of Object.entries(expected))
    t.equal(textOf(content, label as PaperWord), text, label);
  t.match(textOf(content, 'depositor-id'), '91350200MA2YJ1XR9G');
  t.match(textOf(content, 'confidentiality'), '商业秘密');
  t.match(textOf(content, 'category'), '网页 web page');
  t.match(textOf(content, 'origin'), /未经核验的上传[\s\S]*本人所摄/);
  t.match(textOf(content, 'time-source'), '一致');
});

t.test(
  'a number that the provider does not have is 未取得, what was not given is 未提供, and an upload has no reports',
  async (t) => {
    const content = certificateContent(await inputOf(changed(bare)));
    for (const label of ['provider-uscc', 'filing-blockchain', 'filing-mlps', 'filing-crypto'] as const)
      t.match(textOf(content, label), '未取得 not obtained', label);
    for (const label of [
      'depositor-id',
      'agent',
      'operator',
      'source',
      'interests',
      'custody-place',
    ] as const)
      t.match(textOf(content, label), '未提供 not provided', label);
    for (const label of ['cleanliness', 'process-log'] as const)
      t.match(textOf(content, label), '不适用', label);
    const stated = certificateContent(
      await inputOf(
        changed((document) => {
          document.stated.push(
            { name: 'filing-mlps', value: '未取得' },
            { name: 'filing-crypto', value: '密评 7 号' },
          );
        }),
      ),
    );
    t.match(textOf(stated, 'filing-mlps'), '未取得 not obtained');
    t.equal(textOf(stated, 'filing-crypto'), '密评 7 号');
  },
);

t.test(
  'readings by the operator’s staff are counted with the last of them, and none is said to be none',
  async (t) => {
    const none = certificateContent(await inputOf(changed()));
    t.match(textOf(none, 'readings'), '无记录');
    const readings = { count: 12, lastAt: '2026-11-29T01:02:03.004Z' };
    const text = textOf(certificateContent(await inputOf(changed(), { readings })), 'readings');
    t.match(text, /12 次[\s\S]*2026-11-29T01:02:03.004Z/);
  },
);

t.test('a capture without its reports is told, and reports are named with their digests', async (t) => {
  const capture = ({ entry }: Document): void => {
    entry.evidence.origin.grade = 'verified-capture';
  };
  t.match(textOf(certificateContent(await inputOf(changed(capture))), 'cleanliness'), '未提供');
  const digest = 'ee'.repeat(32);
  const content = certificateContent(
    await inputOf(
      changed((document) => {
        capture(document);
        for (const role of ['process-log', 'cleanliness', 'environment'])
          document.entry.files.push({ ...document.entry.files[0], role, sha256: digest });
      }),
    ),
  );
  for (const label of ['process-log', 'cleanliness', 'environment'] as const)
    t.match(textOf(content, label), digest, label);
  t.match(textOf(content, 'files-count'), '4 个文件，共 180 字节');
});

t.test('each file has its name, size, kind, basis and both digests', async (t) => {
  const content = certificateContent(
    await inputOf(
      changed(({ entry }) => {
        entry.files.push({ ...entry.files[0], digests: 'declared', mediaType: null, name: 'b', sm3: null });
      }),
    ),
  );
  const [first, second] = content.sections.flatMap(({ files = [] }) => files);
  t.match(first, { number: 1, name: 'photo.jpg', size: '45', basis: { zh: '证据 / 服务计算' } });
  t.strictSame(first?.digests.map(shown), [
    '7d4a6d21b20e33c57d6229699982b9c02bd8f762e3a41d7f4f54e5d6ad2ed606',
    '5b69af4c7553ef3266b8e26ab8bbc4b70d6e74bc231d576f87d9355530c8e7c4',
  ]);
  t.match(second, { number: 2, basis: { en: 'evidence / declared' }, mediaType: { zh: '格式未提供' } });
  t.equal(second?.digests.length, 1);
});

const TOKEN: TokenFact = {
  ...{
    type: 'rfc3161-root/1',
    label: '国家授时',
    signer: 'CN=TSA',
    policy: '1.2.3',
    serial: '0a',
    accuracyMs: 1000,
  },
  genTime: '2026-11-22T06:59:58.000Z',
};

t.test(
  'clocks stand side by side: one counts, the operator’s own are statements, an unknown one has its name',
  async (t) => {
    const input = await inputOf(changed());
    const authority: ClockFact = {
      clock: 'authority',
      at: '2026-11-22T06:59:59.000Z',
      proven: true,
      token: TOKEN,
    };
    const when: ClockFact[] = [
      ...input.facts.when,
      // The operator may sign any time: whatever is claimed of its token, it stays a statement.
      {
        clock: 'own-token',
        at: '2026-11-22T06:59:00.000Z',
        proven: true,
        token: { ...TOKEN, label: undefined },
      },
      authority,
      { clock: 'sundial', at: '2026-11-22T06:00:00.000Z', proven: false },
    ];
    const content = certificateContent({
      ...input,
      facts: {
        ...input.facts,
        when,
        counts: { ...authority },
        tokens: [TOKEN, { ...TOKEN, label: undefined, accuracyMs: null, fingerprint: 'ff'.repeat(32) }],
      },
      certificate: { ...input.certificate, tokens: Array(3).fill({ type: 'unknown', name: 'x' }) },
    });
    const clocks = content.sections.flatMap(({ clocks = [] }) => clocks);
    t.strictSame(
      clocks.map(({ name, force, counts }) => [name.zh, force.zh, counts]),
      [
        ['服务器收到（固定）时间', '签发者自己的陈述', false],
        ['签发时间', '签发者自己的陈述', false],
        ['区块时间', '已证明', false],
        ['区块时间', '已证明', false],
        ['服务自己的时间戳', '签发者自己的陈述', false],
        ['独立时间戳机构', '已证明；以此为准', true],
        ['其他时钟：sundial', '未经比对', false],
      ],
    );
    t.strictSame(clocks.map(({ by }) => shown(by)).slice(-3), ['CN=TSA', '国家授时', 'kezheng test']);
    t.match(content.summary, { time: { at: authority.at }, by: { zh: '独立时间戳机构 国家授时' } });
    const tokens = rowsOf(content).filter(({ label }) => label.zh === '可信时间戳');
    t.equal(tokens.length, 3);
    const told = tokens.map(({ values }) => values.map(shown).join('\n')) as [string, string, string];
    for (const part of [
      'rfc3161-root/1',
      '国家授时 (CN=TSA)',
      '0a',
      'SHA-256',
      TOKEN.genTime,
      '1000 ms',
      '1.2.3',
    ])
      t.match(told[0], part);
    t.notMatch(told[1], 'ms');
    t.match(told[1], 'ff'.repeat(32));
    t.match(told[2], '另有 1 枚令牌');
  },
);

t.test(
  'the time that counts names its block; a clock without a name of its own is called by what it is',
  async (t) => {
    const input = await inputOf(changed());
    t.match(certificateContent(input).summary, {
      time: { at: input.facts.counts?.at },
      by: { zh: /第 1000 块/ },
    });
    const counts: ClockFact = { clock: 'sundial', at: '2026-11-22T06:00:00.000Z', proven: true };
    t.match(certificateContent({ ...input, facts: { ...input.facts, counts } }).summary, {
      by: { zh: 'sundial' },
    });
  },
);

t.test('where no independent clock proves a time, that stands where the time would', async (t) => {
  const input = await inputOf(changed());
  const content = certificateContent({ ...input, facts: { ...input.facts, counts: undefined } });
  t.match(content.summary, { time: { kind: 'words', zh: /不证明时间/ }, by: { zh: /签发者自己的陈述/ } });
  t.notMatch(JSON.stringify(content), '之前已经存在');
  t.notOk(content.sections.flatMap(({ clocks = [] }) => clocks).some(({ counts }) => counts));
});

t.test('a test chain is called one wherever the chain and the time are told', async (t) => {
  const test = certificateContent(await inputOf(changed()));
  t.equal(test.testChain, true);
  t.match(test.summary.label.zh, '不具证据用途');
  t.match(textOf(test, 'chain-run-by'), '测试链，不具证据用途');
  const real = certificateContent(await inputOf(changed(), { real: true }));
  t.equal(real.testChain, false);
  t.notMatch(JSON.stringify(real), '不具证据用途');
});

t.test('the last check of the stored files is told with its oldest time and what was found', async (t) => {
  const files = changed(({ entry }) => {
    for (let i = 0; i < 4; i++) entry.files.push({ ...entry.files[0] });
  });
  const at = (day: number, result: 'ok' | 'missing' | 'damaged') => ({
    checkedAt: `2026-11-2${day}T00:00:00.000Z`,
    result,
  });
  const content = certificateContent(
    await inputOf(files, { fixity: [at(5, 'ok'), at(4, 'ok'), at(6, 'missing'), at(7, 'damaged'), null] }),
  );
  t.equal(
    textOf(content, 'fixity').replaceAll(/ files.*$/gm, ''),
    ['2026-11-24T00:00:00.000Z', '2 个文件完好', '1 个文件缺失', '1 个文件损坏', '1 个文件尚未复核'].join(
      '\n',
    ),
  );
  t.match(textOf(certificateContent(await inputOf(files)), 'fixity'), '尚未复核');
  const declared = changed(({ entry }) => {
    entry.files[0].digests = 'declared';
  });
  t.match(textOf(certificateContent(await inputOf(declared)), 'fixity'), '不适用');
  t.match(textOf(certificateContent(await inputOf(declared)), 'custody-medium'), '不保存原件');
});

t.test(
  'a file of a folder is printed with its folder, an entry of a later format with what is known',
  async (t) => {
    const salt = '00'.repeat(16);
    const ofFolder = changed((document) => {
      const [batch] = document.inclusion;
      const manifest = { ...document.entry, files: [], folder: { root: 'aa'.repeat(32), size: 3 } };
      document.inclusion = [{ hashes: [], index: 0, size: 1, type: 'folder', manifest }, batch];
      document.entry = {
        format: 'kezheng-file/1',
        name: 'a/b.txt',
        salt,
        sha256: 'bb'.repeat(32),
        size: 1,
        sm3: 'cc'.repeat(32),
      };
    });
    const content = certificateContent(await inputOf(ofFolder));
    t.match(textOf(content, 'folder-root'), 'aa'.repeat(32));
    t.match(textOf(content, 'files-count'), '文件夹，3 个文件');
    t.match(
      content.sections.flatMap(({ files = [] }) => files),
      [{ name: 'a/b.txt', basis: { zh: /存证人申报/ } }],
    );

    const later = changed((document) => {
      document.entry = { format: 'kezheng-later/1' };
      document.anchors.push({ type: 'somewhere/1' });
      Object.assign(document.inclusion[0], { hashes: [], index: 0, size: 1 });
    });
    const unknown = certificateContent(await inputOf(later));
    t.match(textOf(unknown, 'evidence-id'), '未提供');
    t.match(
      rowsOf(unknown)
        .map(({ values }) => values.map(shown).join())
        .join(),
      '锚定类型 somewhere/1',
    );
    t.match(JSON.stringify(unknown.sections.at(-1)), '路径为空');
  },
);

t.test('a signed statement of the depositor is named, and an unknown class stands for itself', async (t) => {
  const content = certificateContent(
    await inputOf(
      changed(({ entry }) => {
        entry.statement = { format: 'kezheng-statement/1' };
      }),
    ),
  );
  t.match(textOf(content, 'identity-statement'), 'kezheng-statement/1');
  const entry = changed(({ entry }) => {
    entry.statement = { format: 'kezheng-statement/1' };
  });
  const input = await inputOf(entry);
  const statement = { key: 'ab'.repeat(32), signedAt: '2026-11-22T06:59:59.000Z', known: false };
  const signed = certificateContent({ ...input, facts: { ...input.facts, who: { statement } } });
  t.match(textOf(signed, 'identity-statement'), /已签名，自述签署时间 2026-11-22T06:59:59.000Z.*ab/s);
});

t.test(
  'every word is there in both languages with the same values, and none of them speaks of law',
  async (t) => {
    const values = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).toSorted();
    for (const word of PAPER_WORDS) {
      const { zh, en } = paperWords(word);
      t.ok(zh !== '' && en !== '', word);
      t.strictSame(values(zh), values(en), word);
      t.notMatch(zh, /[《》]|第[〇一二三四五六七八九十百\d]+条|依法|法院/, word);
    }
  },
);

t.test('times are those of Beijing and of UTC', async (t) => {
  t.equal(beijing('2026-12-31T16:00:00.001Z'), '2027-01-01 00:00:00.001');
  t.equal(utc('2026-12-31T16:00:00.001Z'), '2026-12-31 16:00:00.001');
});

t.test('of two blocks of one second each stands beside its own chain', async (t) => {
  const input = await inputOf(changed());
  const [one] = input.facts.anchors;
  const block = input.facts.when.find(({ clock }) => clock === 'block')!;
  const facts = {
    ...input.facts,
    anchors: [
      { ...one!, chain: '甲链', blockNumber: 11 },
      { ...one!, chain: '乙链', blockNumber: 22 },
    ],
    when: [
      ...input.facts.when.filter(({ clock }) => clock !== 'block'),
      { ...block, proven: false },
      { ...block, proven: true },
    ],
    counts: { ...block, proven: true },
  };
  const content = certificateContent({ ...input, facts });
  const clocks = content.sections.flatMap(({ clocks: lines = [] }) => lines);
  t.strictSame(
    clocks.slice(-2).map(({ by, counts }) => [shown(by), counts]),
    [
      ['甲链', false],
      ['乙链', true],
    ],
  );
  t.match(content.summary.by.zh, '乙链', 'the summary names the one that counts');
  t.match(content.summary.by.zh, '22');
});
