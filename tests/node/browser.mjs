// The front page in a real browser: GraphiQL shows, runs its query, and asks no one else.
//
//   TEST_CHROMIUM=<chromium> node tests/node/browser.mjs <page url>
//       --expect <text> [--then <text>] [--live <text>] [--screenshot <file.png>]
//
// With `--then` the second tab is opened and run too, twice: an example must work as often
// as it is pressed. With `--live` the third one is opened, which is a subscription: its answer
// must hold the text, change when an article is made, and be still once it is stopped. The check fails if an answer does not hold its text, if the page throws, or if
// it asks for anything outside its own origin (such requests are stopped, and listed).

import { readArgs, report } from "./args.mjs";
import { inPage } from "./chromium.mjs";

await report(async () => {
  const { url, expect, then, live, screenshot } = readArgs(["expect", "then", "live", "screenshot"]);
  if (!expect) throw new Error("--expect is missing");

  return inPage(async (page) => {
    const seen = await watch(page, new URL(url).origin);
    const run = async () => {
      await runTheQuery(page, url, expect);
      if (then) await runTheSecondTab(page, then);
      if (live) await followInTheThirdTab(page, live);
    };
    const failure = await run().then(() => [], (error) => [error.message]);
    if (screenshot) await page.screenshot({ path: screenshot });
    const response = await textOf(page, ".result-window");
    const errors = [...failure, ...seen.pageErrors];
    return { ok: errors.length === 0 && seen.foreign.length === 0, errors, response, ...seen };
  });
});

/** Notes what the page says and asks for; requests to another origin never leave. */
async function watch(page, origin) {
  const seen = { requests: 0, foreign: [], pageErrors: [], console: [] };
  const isOwn = ({ origin: asked, protocol }) =>
    asked === origin || protocol === "data:" || protocol === "blob:";
  await page.context().route("**/*", (route) => {
    seen.requests += 1;
    const asked = route.request().url();
    if (isOwn(new URL(asked))) return route.continue();
    seen.foreign.push(asked);
    return route.abort();
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== new URL(origin).host) seen.foreign.push(socket.url());
  });
  page.on("pageerror", (error) => seen.pageErrors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") seen.console.push(message.text());
  });
  return seen;
}

/** Opens the page as a visitor does, presses the execute button, waits for the answer. */
async function runTheQuery(page, url, expected) {
  await page.goto(url, { waitUntil: "load" });
  await execute(page, expected);
}

/** Opens the second tab and presses the button twice. */
async function runTheSecondTab(page, expected) {
  await page.locator(".graphiql-tab-button").nth(1).click();
  await execute(page, expected);
  const again = page.waitForResponse((response) => response.request().method() === "POST");
  await execute(page, expected);
  const answer = await (await again).json();
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
}

/** Opens the third tab, and makes an article that its subscription must tell of. */
async function followInTheThirdTab(page, expected) {
  await page.locator(".graphiql-tab-button").nth(2).click();
  await execute(page, expected);
  const before = await textOf(page, ".result-window");
  await page.evaluate(async () => {
    const { token } = JSON.parse(document.getElementById("tidegate").textContent);
    const query = `mutation { create_articles_item(
      data: { title: "Now", slug: "now", status: "draft", author: { id: 1 } }) { id } }`;
    await fetch("graphql", {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ query }),
    });
  });
  await page.locator(".result-window").filter({ hasNotText: before }).first().waitFor();
  await page.getByRole("button", { name: /^Stop query/ }).click();
  await page.getByRole("button", { name: /^Execute query/ }).waitFor();
}

async function execute(page, expected) {
  const button = page
    .getByRole("button", { name: /^Execute query/ })
    .or(page.locator(".graphiql-execute-button"))
    .first();
  await button.waitFor();
  await button.click();
  await page.locator(".result-window").filter({ hasText: expected }).first().waitFor();
}

async function textOf(page, selector) {
  const texts = await page.locator(selector).allInnerTexts();
  return texts.join("\n");
}
