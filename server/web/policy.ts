/*
 * The content security policy of our pages (CSP Level 3). Nothing is loaded but what stands in the page itself: its
 * script and its style are allowed by their hashes, so that nothing that is put into a page later runs.
 */

export interface PageParts {
  /** base64 SHA-256 of the bytes between the tags, as the browser computes them */
  readonly scripts: readonly string[];
  readonly styles: readonly string[];
  /** Whether the page may ask the service that it came from. */
  readonly asksService: boolean;
}

const sources = (hashes: readonly string[]): string => hashes.map((hash) => `'sha256-${hash}'`).join(' ');

/** For a `meta` element: what a page that was saved to a disk still obeys. */
export const policyInPage = ({ scripts, styles, asksService }: PageParts): string =>
  [
    "default-src 'none'",
    `script-src ${sources(scripts)}`,
    `style-src ${sources(styles)}`,
    'img-src data:',
    // Workers are made from text inside the page, so that there is one file to save.
    'worker-src blob:',
    ...(asksService ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');

/** For the header: besides, nobody may frame the page (§6.4.2: `frame-ancestors` is ignored in a `meta` element). */
export const policyInHeader = (parts: PageParts): string => `${policyInPage(parts)}; frame-ancestors 'none'`;
