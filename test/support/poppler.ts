import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { programs, whyMissing } from './debian.ts';

/*
 * Other people's readers of PDF: poppler's tools and qpdf, and a reader of QR codes. What these understand a clerk can open.
 */

const TOOLS = ['pdfsig', 'pdfdetach', 'pdftotext', 'pdfinfo', 'pdffonts', 'pdftoppm', 'qpdf', 'zbarimg'];

/** For `skip`: a reason, or false where tests can run. */
export const whyNoPoppler = (): string | false =>
  whyMissing({
    packages: ['poppler-utils', 'qpdf', 'zbar-tools'],
    isThere: programs(...TOOLS.map((tool) => `/usr/bin/${tool}`)),
  });

export interface Told {
  readonly status: number | null;
  readonly out: string;
}

function run(tool: string, args: readonly string[]): Told {
  const { status, stdout, stderr } = spawnSync(`/usr/bin/${tool}`, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return { status, out: stdout + stderr };
}

/** A document in a file of its own, and what the tools say of it. */
export function opened(pdf: Uint8Array) {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-pdf-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'it.pdf');
  writeFileSync(file, pdf);
  return {
    file,
    /** `-nocert`: whether the signature is good, not whether poppler knows who signed */
    signature: () => run('pdfsig', ['-nocert', file]).out,
    check: () => run('qpdf', ['--check', file]),
    text: (page?: number) =>
      run('pdftotext', [
        ...(page === undefined ? [] : ['-f', `${page}`, '-l', `${page}`]),
        // In the order in which it was drawn: a text that is broken into lines stays together.
        '-raw',
        file,
        '-',
      ]).out,
    pages: () => Number(/Pages:\s+(\d+)/.exec(run('pdfinfo', [file]).out)![1]),
    info: () => run('pdfinfo', [file]).out,
    fonts: () => run('pdffonts', [file]).out,
    attachmentNames: () =>
      [...run('pdfdetach', ['-list', file]).out.matchAll(/^\d+: (.*)$/gm)].map(([, name]) => name!),
    attachment(name: string): Buffer {
      const to = join(folder, 'attached');
      const { status, out } = run('pdfdetach', ['-savefile', name, '-o', to, file]);
      if (status !== 0) throw new Error(out);
      return readFileSync(to);
    },
    /** What a camera reads on the first page as it is printed. */
    qrCode(): string {
      const to = join(folder, 'page');
      run('pdftoppm', ['-r', '100', '-l', '1', '-singlefile', '-png', file, to]);
      return run('zbarimg', ['-q', '--raw', '--nodbus', `${to}.png`]).out.trim();
    },
    /** The whole document with its streams readable. */
    plain(): string {
      const to = join(folder, 'plain.pdf');
      run('qpdf', ['--qdf', '--object-streams=disable', '--no-original-object-ids', file, to]);
      return readFileSync(to, 'latin1');
    },
  };
}

/** What is compared: neither line breaks nor the spaces between groups and letters. */
export const squeezed = (text: string): string => text.replaceAll(/\s+/g, '');

/** How many glyphs are drawn, and how many of them are .notdef: text of ours is hex, four digits a glyph. */
export function glyphsIn(plain: string): { readonly drawn: number; readonly notdef: number } {
  const glyphs = [...plain.matchAll(/\[([^\]]*)\] TJ/g)].flatMap(([, array]) =>
    [...array!.matchAll(/<([0-9a-f]+)>/g)].flatMap(([, hex]) => hex!.match(/.{4}/g) ?? []),
  );
  return { drawn: glyphs.length, notdef: glyphs.filter((glyph) => glyph === '0000').length };
}
