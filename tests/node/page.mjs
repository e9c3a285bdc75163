// The page of `client-examples/browser`, served from an origin of its own, in a real browser.
//
//   TEST_CHROMIUM=<chromium> node tests/node/page.mjs <gateway url> [bearer token]
//       --restarted <gateway url> [--screenshot <file.png>]
//
// It must follow with EventSource and with graphql-ws, go on where a broken connection stopped,
// and say so where it cannot: what it comes back to then is another gateway, which to a client
// is the same one restarted.

import { readFile } from "node:fs/promises";
import http from "node:http";
import { ask, readArgs, report } from "./args.mjs";
import { inPage } from "./chromium.mjs";
import { listen, startRelay } from "./relay.mjs";

const EXAMPLE = new URL("../../client-examples/browser/", import.meta.url);
const PACKAGES = new URL("./node_modules/", import.meta.url);
const TYPES = { html: "text/html", js: "text/javascript" };

await report(async () => {
  const { url, token, restarted, screenshot } = readArgs(["restarted", "screenshot"]);
  if (!restarted) throw new Error("--restarted is missing");
  const relay = await startRelay(url);
  const site = await startSite();
  const errors = [];
  try {
    return await inPage(async (page) => {
      page.on("pageerror", (error) => errors.push(String(error)));
      const failure = await run(page).then(() => [], (error) => [error.message]);
      if (screenshot) await page.screenshot({ path: screenshot });
      const seen = await page.locator("main").innerText();
      errors.push(...failure);
      return { ok: errors.length === 0, errors, seen };
    });
  } finally {
    relay.close();
    site.close();
  }

  async function run(page) {
    const shown = (section, text) => page.locator(`#${section}`).filter({ hasText: text }).waitFor();
    const everywhere = (text) => Promise.all(["changes", "drafts"].map((section) => shown(section, text)));

    await page.goto(site.url);
    await page.getByLabel("Gateway").fill(relay.url);
    await page.getByLabel("Token").fill(token ?? "");
    await page.getByRole("button", { name: "Follow" }).click();
    await everywhere("following");
    await page.locator("#drafts li").first().waitFor();

    const draft = await write(url, token, "create", "A draft of now");
    await everywhere("A draft of now");
    relay.cut();
    await everywhere("coming back");
    await write(url, token, "create", "A draft of meanwhile");
    await write(url, token, "delete", draft);
    relay.mend(url);
    await everywhere("A draft of meanwhile");
    await shown("changes", `delete articles ${draft}`);
    await page.locator("#drafts").filter({ hasNotText: "A draft of now" }).waitFor();
    if (await page.locator(".gap").count()) throw new Error("there was no gap");

    relay.cut();
    await everywhere("coming back");
    relay.mend(restarted);
    await shown("changes", "Something may be missing here");
    await page.locator("#drafts").filter({ hasNotText: "A draft of meanwhile" }).waitFor();
    await page.locator("#drafts li").first().waitFor();
    await write(restarted, token, "create", "A draft of afterwards");
    await everywhere("A draft of afterwards");
  }
});

/** Makes a draft with this title, or deletes one by its key; the key. */
async function write(gateway, token, action, what) {
  const mutation = {
    create: `mutation ($what: String!) { item: create_articles_item(
      data: { title: $what, slug: $what, status: "draft", word_count: 3000, author: { id: 1 } }) { id } }`,
    delete: "mutation ($what: ID!) { item: delete_articles_item(id: $what) { id } }",
  };
  return (await ask(gateway, token, mutation[action], { what })).item.id;
}

/** What a newcomer has after `npm install`, on a port of its own. */
async function startSite() {
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const path = pathname === "/" ? "/index.html" : pathname;
    const [, inPackages] = path.split("/node_modules/");
    const file = inPackages ? new URL(inPackages, PACKAGES) : new URL(`.${path}`, EXAMPLE);
    const type = TYPES[path.split(".").at(-1)];
    const found = type && (await readFile(file).catch(() => undefined));
    response.writeHead(found ? 200 : 404, { "content-type": type ?? "text/plain" }).end(found);
  });
  return { url: await listen(server, "http"), close: () => server.close() };
}
