// The real browser that the checks of pages share: TEST_CHROMIUM names it.

import { chromium } from "playwright-core";

const TIMEOUT_MS = 30_000;
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Does something in a new page, and closes the browser. */
export async function inPage(work) {
  const executablePath = process.env.TEST_CHROMIUM;
  if (!executablePath) throw new Error("TEST_CHROMIUM is not set");
  const browser = await chromium.launch({ executablePath, headless: true, args: ARGUMENTS });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(TIMEOUT_MS);
    return await work(page);
  } finally {
    await browser.close();
  }
}
