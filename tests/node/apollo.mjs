// A query through Apollo Client and its normalised cache.
//
//   node tests/node/apollo.mjs <graphql url> [bearer token]
//       --document <file.graphql> [--variables <json>]
//
// The query runs twice. The second answer must come out of the cache alone and equal the
// first: a type name or key that Apollo cannot work with would show as a second request
// or as other data.

import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { authorization, readArgs, report } from "./args.mjs";

await report(async () => {
  const { url, token, document, variables = "{}" } = readArgs(["document", "variables"]);
  if (!document) throw new Error("--document is missing");
  const query = { query: gql(await readFile(document, "utf8")), variables: JSON.parse(variables) };

  let requests = 0;
  const countingFetch = (input, init) => {
    requests += 1;
    return fetch(input, init);
  };
  const client = new ApolloClient({
    link: new HttpLink({ uri: url, headers: authorization(token), fetch: countingFetch }),
    cache: new InMemoryCache(),
  });

  const first = await client.query(query);
  const second = await client.query(query);
  const errors = [];
  if (requests !== 1) errors.push(`${requests} requests were sent, not 1`);
  if (!isDeepStrictEqual(first.data, second.data)) errors.push("the cache answered differently");
  return {
    ok: errors.length === 0,
    errors,
    requests,
    data: first.data,
    cached: Object.keys(client.cache.extract()),
  };
});
