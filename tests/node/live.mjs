// Live changes through the clients of the JavaScript world: graphql-ws, graphql-sse in both
// its modes, and Apollo Client's multipart subscriptions.
//
//   node tests/node/live.mjs <graphql url> [bearer token]
//
// Each follows the articles while one is made, changed and deleted by a mutation of its own.

import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { createClient as createSse } from "graphql-sse";
import { createClient as createWs } from "graphql-ws";
import WebSocket from "ws";
import { ask, authorization, readArgs, report } from "./args.mjs";

const FOLLOW = `subscription Follow($event: EventEnum) {
  article_mutated(event: $event) { __typename key event data { __typename id title } }
}`;

await report(async () => {
  const { url, token } = readArgs([]);
  const headers = authorization(token);
  const seen = {};
  const errors = [];

  const mutate = async (mutation) => Object.values(await ask(url, token, `mutation { ${mutation} { id } }`))[0].id;

  // No protocol tells when a subscription has begun: the first change that arrives does.
  const follow = async (name, subscribe) => {
    const told = [];
    let arrived;
    let arrival = new Promise((resolve) => (arrived = resolve));
    const fail = (error) => {
      errors.push(`${name}: ${error?.message ?? JSON.stringify(error)}`);
      arrived();
    };
    const end = await subscribe((result) => {
      if (result.errors) return fail(result.errors);
      told.push(result.data.article_mutated);
      arrived();
      arrival = new Promise((resolve) => (arrived = resolve));
    }, fail);
    while (told.length === 0 && errors.length === 0) {
      await mutate(`create_article_item(data: { title: "begin ${name}" })`);
      await Promise.race([arrival, new Promise((resolve) => setTimeout(resolve, 100))]);
    }
    const id = await mutate(`create_article_item(data: { title: "${name}" })`);
    await mutate(`update_article_item(id: ${id}, data: { title: "${name} again" })`);
    await mutate(`delete_article_item(id: ${id})`);
    const own = () => told.filter((change) => change.key === id);
    while (own().length < 3 && errors.length === 0) await arrival;
    await end();
    seen[name] = own().map(({ event, data }) => [event, data?.title ?? null]);
  };

  await follow("graphql-ws", async (next, fail) => {
    const client = createWs({
      url: url.replace(/^http/, "ws"),
      webSocketImpl: WebSocket,
      connectionParams: { access_token: token },
      retryAttempts: 0,
      keepAlive: 50,
    });
    const stop = client.subscribe({ query: FOLLOW }, { next, error: fail, complete: () => {} });
    return async () => {
      stop();
      await client.dispose();
    };
  });

  for (const singleConnection of [false, true]) {
    await follow(singleConnection ? "graphql-sse single" : "graphql-sse", async (next, fail) => {
      // The client adds its token to the object that it is given.
      const ownHeaders = () => ({ ...headers });
      let told;
      const stopped = new Promise((resolve) => (told = resolve));
      const fetchFn = async (input, init) => {
        const response = await fetch(input, init);
        if (init.method === "DELETE") told(response.status);
        return response;
      };
      const client = createSse({ url, headers: ownHeaders, singleConnection, fetchFn, retryAttempts: 0 });
      const stop = client.subscribe({ query: FOLLOW }, { next, error: fail, complete: () => {} });
      return async () => {
        // Beside what is followed, an operation that ends by itself.
        const types = [];
        for await (const { data } of client.iterate({ query: "{ __typename }" })) types.push(data.__typename);
        if (types.join() !== "Query") errors.push(`graphql-sse: a query answers ${types}`);
        stop();
        if (singleConnection && (await stopped) !== 200) errors.push("graphql-sse: it could not be stopped");
        client.dispose();
      };
    });
  }

  await follow("apollo", async (next, fail) => {
    const client = new ApolloClient({ link: new HttpLink({ uri: url, headers }), cache: new InMemoryCache() });
    const following = client
      .subscribe({ query: gql(FOLLOW) })
      .subscribe({ next: ({ data, error }) => (error ? fail(error) : next({ data })), error: fail });
    return async () => following.unsubscribe();
  });

  for (const [name, changes] of Object.entries(seen)) {
    const expected = [["create", name], ["update", `${name} again`], ["delete", null]];
    if (JSON.stringify(changes) !== JSON.stringify(expected)) errors.push(`${name}: ${JSON.stringify(changes)}`);
  }
  return { ok: errors.length === 0, errors, seen };
});
