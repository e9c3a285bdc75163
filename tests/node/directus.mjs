// The unmodified Directus client against the gateway: it logs in, refreshes, reads and writes through `graphql()`,
// follows its own account by REST, and logs out.

import { authentication, createDirectus, graphql, readMe, rest } from "@directus/sdk";

import { readArgs, report } from "./args.mjs";

const { url, email, password } = readArgs(["email", "password"]);

await report(async () => {
  const errors = [];
  const expect = (what, is) => is || errors.push(what);
  for (const mode of ["json", "cookie", "session"]) {
    // Without a browser cookies are kept by nobody: only the first answers go as far as they can.
    const client = createDirectus(url).with(authentication(mode, { autoRefresh: false })).with(graphql()).with(rest());
    const granted = await client.login({ email, password });
    expect(`${mode}: expires is a number of milliseconds`, typeof granted.expires === "number" && granted.expires > 1000);
    expect(`${mode}: a token where one is told`, mode === "session" || typeof (await client.getToken()) === "string");
    if (mode !== "json") continue;

    const before = await client.getToken();
    const refreshed = await client.refresh();
    expect("refresh gives another token", refreshed.refresh_token !== granted.refresh_token);
    expect("the token is kept", (await client.getToken()) === refreshed.access_token && before !== undefined);

    const me = await client.request(readMe({ fields: ["email", "first_name"] }));
    expect("readMe", me.email === email && Object.keys(me).length === 2);

    const created = await client.query(
      `mutation ($title: String) { create_note_item(data: { id: 50, title: $title }) { id title } }`,
      { title: "by the client" },
    );
    expect("create", created.create_note_item.title === "by the client");
    const read = await client.query(`query { note(filter: { id: { _eq: 50 } }) { id title } }`);
    expect("read", read.note.length === 1 && read.note[0].id === "50");
    const system = await client.query(`query { users_me { email } }`, undefined, "system");
    expect("the system's scope", system.users_me.email === email);

    await client.logout();
    const gone = await fetch(new URL("/users/me", url), {
      headers: { authorization: `Bearer ${refreshed.access_token}` },
    });
    expect("nothing is left after the logout", gone.status === 401);
  }
  try {
    await createDirectus(url).with(authentication("json")).login({ email, password: "wrong" });
    errors.push("a wrong password is refused");
  } catch (error) {
    const code = error.errors?.[0]?.extensions?.code;
    expect(`the code of a wrong password, not ${code}`, code === "INVALID_CREDENTIALS");
  }
  return { ok: errors.length === 0, errors };
});
