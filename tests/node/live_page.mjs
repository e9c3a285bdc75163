// The demo's page of live changes in a real browser.
//
//   TEST_CHROMIUM=<chromium> node tests/node/live_page.mjs <gateway url>
//       --restarted <gateway url> [--screenshots <folder>]
//
// It must show what changes, go on where a broken connection stopped, and say so where it
// cannot: what it comes back to then is another gateway with another token, which to a page is
// the same one restarted.

import { join } from "node:path";
import { ask, readArgs, report } from "./args.mjs";
import { inPage } from "./chromium.mjs";
import { startRelay } from "./relay.mjs";

await report(async () => {
  const { url, restarted, screenshots } = readArgs(["restarted", "screenshots"]);
  if (!restarted) throw new Error("--restarted is missing");
  const relay = await startRelay(url);
  const errors = [];
  const foreign = [];
  try {
    return await inPage(async (page) => {
      page.on("pageerror", (error) => errors.push(String(error)));
      page.on("request", (request) => {
        if (new URL(request.url()).origin !== new URL(relay.url).origin) foreign.push(request.url());
      });
      const failure = await run(page).then(() => [], (error) => [error.message]);
      const seen = await page.locator("main").innerText();
      if (screenshots && failure.length > 0) await page.screenshot({ path: join(screenshots, "failed.png") });
      errors.push(...failure);
      return { ok: errors.length === 0 && foreign.length === 0, errors, foreign, seen };
    });
  } finally {
    relay.close();
  }

  async function run(page) {
    const is = (id, text) => page.locator(`#${id}`).filter({ hasText: text }).waitFor();
    const told = (text) => page.locator("#log li").filter({ hasText: text }).first().waitFor();
    const picture = (name) => screenshots && page.screenshot({ path: join(screenshots, name), fullPage: true });

    await page.goto(new URL("/live", relay.url).href);
    await is("connection", "live");
    const line = page.locator("#rows tr").first();
    await line.waitFor();
    const count = page.locator("#collections button", { hasText: /^articles\d+$/ }).locator("span").last();
    const before = Number(await count.innerText());
    if (!(before > 0)) throw new Error(`there are ${before} articles`);

    // A row that comes, changes and goes, and the figure beside its collection.
    const key = await write(url, "create", "A title of now");
    const own = page.locator(`#rows tr[data-key="${key}"]`);
    await own.filter({ hasText: "A title of now" }).and(page.locator(".flash.create")).waitFor();
    await count.filter({ hasText: String(before + 1) }).waitFor();
    await write(url, "update", key);
    await own.filter({ hasText: "Another title" }).and(page.locator(".flash.update")).waitFor();
    await is("rate", /[1-9]/);
    await is("position", "-");
    await write(url, "delete", key);
    await told(`deletearticles ${key}`);
    await own.waitFor({ state: "detached" });

    // Its own button, and its own traffic.
    const seen = async () => Number(await page.locator("#seen").innerText());
    const sofar = await seen();
    await page.getByRole("button", { name: "Make a change" }).click();
    await page.waitForFunction((least) => Number(document.getElementById("seen").textContent) > least, sofar);
    await page.getByLabel("Keep them coming").check();
    await page.waitForFunction((least) => Number(document.getElementById("seen").textContent) > least + 3, sofar);
    await page.getByLabel("Keep them coming").uncheck();
    if (await page.locator("#failure").innerText()) throw new Error(await page.locator("#failure").innerText());
    await picture("light.png");

    relay.cut();
    await is("connection", "coming back");
    await write(url, "create", "A title of meanwhile");
    relay.mend(url);
    await is("connection", "live");
    await is("rows", "A title of meanwhile");
    if (await page.locator(".gap").count()) throw new Error("there was no gap");

    await page.locator("#collections button", { hasText: "authors" }).click();
    await is("collection", "authors");
    await page.locator("#rows tr").first().waitFor();
    await page.locator("#collections button", { hasText: /^articles\d+$/ }).click();

    relay.cut();
    await is("connection", "coming back");
    relay.mend(restarted);
    await is("connection", "live");
    await told("some changes may be missing");
    await page.locator("#rows").filter({ hasNotText: "A title of meanwhile" }).waitFor();
    await write(restarted, "create", "A title of afterwards");
    await is("rows", "A title of afterwards");
    await page.emulateMedia({ colorScheme: "dark" });
    await picture("dark.png");
    await page.setViewportSize({ width: 400, height: 800 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    await picture("narrow.png");
    if (wide > 400) throw new Error(`the page is ${wide} pixels wide on a screen of 400`);
  }
});

/** Makes an article with a title, or changes or deletes one by its key; the key. */
async function write(gateway, action, what) {
  const page = await (await fetch(new URL("/live", gateway))).text();
  const { token } = JSON.parse(page.match(/application\/json">(.*?)<\/script>/)[1]);
  const slug = `slug-${Math.random()}`;
  const mutation = {
    create: `mutation ($what: String!) { item: create_articles_item(
      data: { title: $what, slug: "${slug}", author: { id: 1 } }) { id } }`,
    update: `mutation ($what: ID!) { item: update_articles_item(id: $what, data: { title: "Another title" }) { id } }`,
    delete: "mutation ($what: ID!) { item: delete_articles_item(id: $what) { id } }",
  };
  return (await ask(gateway, token, mutation[action], { what })).item.id;
}
