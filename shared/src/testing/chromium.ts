/** A real browser: the Chromium of the system, driven through playwright-core. */
import { rmSync } from 'node:fs';
import type { Requirement } from './describe-with.ts';
import { findProgram } from './find-program.ts';
import { temporaryFolder } from './temporary-folder.ts';

type Playwright = typeof import('playwright-core');
type Context = Awaited<ReturnType<Playwright['chromium']['launchPersistentContext']>>;

export type TestBrowser = {
  /** With an empty profile; pages are opened in it by `newPage`. */
  readonly context: Context;
  readonly close: () => Promise<void>;
};

const names = ['chromium', 'chromium-browser', 'google-chrome'];
const findBrowser = (): string | null => names.map(findProgram).find((path) => path !== null) ?? null;

/** What keeps it from the network, the GPU and the first-run pages; root needs `--no-sandbox`. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const chromium: Requirement & { readonly launch: () => Promise<TestBrowser> } = {
  name: 'chromium',
  get skipReason() {
    return findBrowser() === null ? 'no chromium on the PATH: install the package chromium' : null;
  },
  launch: async () => {
    const executablePath = findBrowser();
    if (executablePath === null) throw new Error(`chromium: ${chromium.skipReason}`);
    // Loaded here, since most test files need no browser.
    const playwright = await import('playwright-core');
    const profile = temporaryFolder();
    const context = await playwright.chromium.launchPersistentContext(profile, {
      executablePath,
      headless: true,
      args: flags,
    });
    return {
      context,
      close: async () => {
        await context.close();
        rmSync(profile, { recursive: true, force: true });
      },
    };
  },
};
