import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { type PageParts, policyInHeader, policyInPage } from '../server/web/policy.ts';

/*
 * Builds the pages into build/web: each is one HTML file that holds all that it needs, with its policy. The same
 * sources give the same bytes, so that the digest of a page can be published and compared.
 */

const root = join(import.meta.dirname, '..');
const BUILT = join(root, 'build', 'web');

/** Windows 7 ends with Chrome 109, and courts have such machines; newer functions are added in checker/older.ts. */
const TARGETS = ['chrome94', 'edge94', 'firefox93', 'safari15.5'];

const sha256 = (bytes: string | Uint8Array, as: 'hex' | 'base64'): string =>
  createHash('sha256').update(bytes).digest(as);

interface Bundle {
  readonly script: string;
  readonly style: string;
}

/** One script without imports, and one style sheet. */
async function bundle(entry: string): Promise<Bundle> {
  const built = (await build({
    configFile: false,
    root: join(root, 'server', 'web'),
    mode: 'production',
    logLevel: 'warn',
    publicDir: false,
    build: {
      write: false,
      target: TARGETS,
      cssTarget: TARGETS,
      modulePreload: false,
      cssCodeSplit: false,
      reportCompressedSize: false,
      rolldownOptions: { input: join(root, 'server', 'web', entry), output: { codeSplitting: false } },
    },
  })) as Rolldown.RolldownOutput;
  const chunks = built.output.filter((one) => one.type === 'chunk');
  const styles = built.output.filter((one) => one.type === 'asset' && one.fileName.endsWith('.css'));
  if (chunks.length !== 1 || styles.length !== 1 || built.output.length !== 2)
    throw new Error(`${entry}: one script and one style were expected, not ${built.output.length} files`);
  return { script: chunks[0]!.code.trim(), style: textOf(styles[0]!) };
}

const textOf = (asset: Rolldown.OutputAsset | Rolldown.OutputChunk): string =>
  asset.type === 'chunk'
    ? asset.code
    : Buffer.from(asset.source as Uint8Array)
        .toString('utf8')
        .trim();

/** What would end its element or begin a comment there (HTML §4.12.1.3) has no place in a script inside a page. */
function asElement(text: string): string {
  const found = /<\/?(?:script|style)|<!--|\r/i.exec(text);
  if (found) throw new Error(`the page would break at ${JSON.stringify(found[0])}`);
  return text;
}

interface Page {
  readonly html: Buffer;
  /** what http/web.ts sends as header */
  readonly policy: string;
}

/** Puts the parts into the template; `online` is what the page on line is told, and makes it one. */
function assemble(template: string, { script, style }: Bundle, online: string | undefined): Page {
  const parts: PageParts = {
    scripts: [sha256(asElement(script), 'base64')],
    styles: [sha256(asElement(style), 'base64')],
    asksService: online !== undefined,
  };
  const places: Readonly<Record<string, string>> = {
    '<html lang="zh-CN">': `<html lang="zh-CN"${online === undefined ? '' : ` data-online="${online}"`}>`,
    'content="POLICY"': `content="${policyInPage(parts)}"`,
    '<!-- STYLE -->': `<style>${style}</style>`,
    '<!-- SCRIPT -->': `<script type="module">${script}</script>`,
  };
  let html = template;
  for (const [place, part] of Object.entries(places)) {
    if (html.split(place).length !== 2) throw new Error(`the template has not one ${place}`);
    // As a function: a script has `$` in it, which a replacement text would obey.
    html = html.replace(place, () => part);
  }
  return { html: Buffer.from(html), policy: policyInHeader(parts) };
}

/** The checker twice: to save, and on line, where it may ask the service and tells the digest of the one to save. */
async function checkerPages(): Promise<Readonly<Record<string, Page>>> {
  const template = await readFile(join(root, 'server', 'web', 'checker', 'index.html'), 'utf8');
  const bundled = await bundle('checker/main.ts');
  const saved = assemble(template, bundled, undefined);
  const online = assemble(template, bundled, sha256(saved.html, 'hex'));
  return { 'verify.html': saved, verify: online };
}

/** Written beside and moved into place: whoever reads meanwhile sees the old pages or the new ones, whole. */
export async function buildPages(folder: string = BUILT): Promise<void> {
  const pages = await checkerPages();
  const beside = `${folder}.${process.pid}`;
  await rm(beside, { recursive: true, force: true });
  await mkdir(beside, { recursive: true });
  const listed: Record<string, object> = {};
  for (const [name, { html, policy }] of Object.entries(pages)) {
    await writeFile(join(beside, name), html);
    await writeFile(join(beside, `${name}.gz`), gzipSync(html, { level: 9 }));
    const params = { [constants.BROTLI_PARAM_SIZE_HINT]: html.length };
    await writeFile(join(beside, `${name}.br`), brotliCompressSync(html, { params }));
    listed[name] = { policy, sha256: sha256(html, 'hex') };
  }
  await writeFile(join(beside, 'pages.json'), `${JSON.stringify(listed, undefined, 2)}\n`);
  await rm(folder, { recursive: true, force: true });
  await rename(beside, folder);
}

if (import.meta.main) await buildPages(process.argv[2]);
