import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Test } from 'tap';

/*
 * The page of the checker in a real browser: saved to a disk and opened from there with the network cut, as a clerk
 * does. Whatever the page asks for, whatever its policy refuses, and every error is noted.
 */

export const BUILT_PAGE = join(import.meta.dirname, '..', '..', 'build', 'web', 'verify.html');

export interface CheckerPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** the folder that the page lies in: files that are handed in may be laid beside it */
  readonly folder: string;
  /** addresses that the page asked for besides itself, violations of its policy, errors */
  readonly troubles: string[];
}

interface Options {
  /** runs in the page before its own script */
  readonly before?: () => void;
  /** makes another page of it */
  readonly rewrite?: (html: string) => string;
  readonly width?: number;
}

export const savedPage = (): string => {
  if (!existsSync(BUILT_PAGE)) throw new Error('the pages were not built: npm run build');
  return readFileSync(BUILT_PAGE, 'utf8');
};

/** A folder with the saved page in it, opened from there without a network. */
export async function openSaved(t: Test, browser: Browser, options: Options = {}): Promise<CheckerPage> {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-page-'));
  const path = join(folder, 'verify.html');
  const { rewrite = (html: string) => html } = options;
  writeFileSync(path, rewrite(savedPage()));
  const opened = await watch(browser, pathToFileURL(path).href, options, true);
  t.teardown(async () => {
    await opened.context.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { ...opened, folder };
}

/** The page on line, from a service. */
export async function openOnline(
  t: Test,
  browser: Browser,
  url: string,
): Promise<Omit<CheckerPage, 'folder'>> {
  const opened = await watch(browser, url, {}, false);
  t.teardown(() => opened.context.close());
  return opened;
}

async function watch(browser: Browser, url: string, { before, width = 1280 }: Options, cut: boolean) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, locale: 'zh-CN' });
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) troubles.push(message.text());
  });
  page.on('pageerror', (error) => void troubles.push(error.message));
  await page.exposeFunction('noteViolation', (what: string) => void troubles.push(what));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const noted = window as unknown as { noteViolation(what: string): void };
      noted.noteViolation(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  if (before) await page.addInitScript(before);
  if (cut) {
    await context.setOffline(true);
    await context.route('**/*', async (route) => {
      const asked = route.request().url();
      if (asked === url) return route.continue();
      troubles.push(`asked for ${asked}`);
      return route.abort();
    });
  }
  await page.goto(url);
  return { page, context, troubles };
}

/** What stands on the page: the verdict, and each check as it is shown. */
export interface Shown {
  /** undefined where no verdict stands there */
  readonly verdict: string | undefined;
  readonly testChain: boolean;
  readonly checks: readonly { readonly id: string; readonly at?: string; readonly status: string }[];
  /** the time that counts, as ISO 8601 */
  readonly counts: string | null;
  readonly text: string;
}

/** Waits until all that was given is checked, then reads the page as a person would. */
export const shown = (page: Page): Promise<Shown> =>
  page.evaluate(async () => {
    await window.kezheng.settled();
    const box = document.querySelector('.verdict');
    const rows = [...document.querySelectorAll<HTMLElement>('[data-check]')];
    return {
      verdict: box?.classList[1],
      testChain: document.querySelector('.test-chain') !== null,
      checks: rows.map(({ dataset: { check, at, status } }) => ({
        id: check!,
        ...(at !== undefined && { at }),
        status: status!,
      })),
      counts: document.querySelector('.clocks .counts time')?.getAttribute('datetime') ?? null,
      text: document.getElementById('result')!.innerText,
    };
  });

/** Lays a file beside the page and chooses it in the field. */
export async function choose(
  { page, folder }: CheckerPage,
  field: string,
  ...files: (readonly [string, Uint8Array | string])[]
) {
  const paths = files.map(([name, content]) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  });
  await page.setInputFiles(`#${field}`, paths);
}
