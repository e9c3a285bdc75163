// Keeps a cached list true: reads it, follows its changes, comes back by itself.
//
//   TIDEGATE_TOKEN=… node follow.mjs [changes]
//
// Prints a line of JSON for each reading and each change, with the titles of the list by then;
// ends after so many changes, or never. TIDEGATE_URL names another gateway.

import { CombinedGraphQLErrors, gql } from "@apollo/client";
import { connect } from "./client.mjs";

const { TIDEGATE_URL = "http://127.0.0.1:8055", TIDEGATE_TOKEN } = process.env;
const variables = { filter: { status: { _eq: "draft" }, word_count: { _gte: 2400 } } };

const ROW = gql`
  fragment Row on articles { id title word_count author { id name } }
`;
const LIST = gql`
  query LongDrafts($filter: articles_filter) {
    articles(filter: $filter, sort: ["id"], limit: -1) { ...Row }
  }
  ${ROW}
`;
// The rows that are there come first, unless it goes on after a position.
const CHANGES = gql`
  subscription LongDrafts($filter: articles_filter, $after: String) {
    articles_mutated(filter: $filter, after: $after, snapshot: true) {
      snapshot event transition key position
      data { ...Row }
    }
  }
  ${ROW}
`;

const { client, socket } = connect(new URL("/graphql", TIDEGATE_URL).href, TIDEGATE_TOKEN);
let left = Number(process.argv[2] ?? Infinity);
let snapshot; // as far as it has been told
socket.on("connected", () => (snapshot = []));

for (;;) {
  await client.query({ query: LIST, variables, fetchPolicy: "network-only" });
  report("read");
  const end = await follow();
  if (end !== "RESET") break;
}
await socket.dispose();
client.stop();

/** Follows the list; resolves with RESET when nobody knows what came in between. */
function follow() {
  snapshot = [];
  return new Promise((resolve, reject) => {
    const following = client.subscribe({ query: CHANGES, variables }).subscribe(({ data, error }) => {
      if (error) return isReset(error) ? resolve("RESET") : reject(error);
      take(data.articles_mutated);
      if (left > 0) return;
      following.unsubscribe();
      resolve("DONE");
    });
  });
}

function isReset(error) {
  return CombinedGraphQLErrors.is(error) && error.errors[0].extensions?.code === "RESET";
}

function take(change) {
  // Between the query and the subscription something may have changed: what the snapshot
  // says replaces it, once an empty key says that this was all.
  if (change.snapshot && change.key) return snapshot.push(change.data);
  if (change.snapshot) return update(() => snapshot);

  // An item that is gone, or that has left the set, comes without data.
  const { key, data } = change;
  update((rows) => [...rows.filter(({ id }) => id !== key), ...(data ? [data] : [])]);
  report(change.transition ?? change.event, key);
  left -= 1;
}

function update(change) {
  client.cache.updateQuery({ query: LIST, variables }, ({ articles }) => ({
    articles: change(articles).sort((a, b) => a.id - b.id),
  }));
}

function report(event, key) {
  const { articles } = client.cache.readQuery({ query: LIST, variables });
  console.log(JSON.stringify({ event, key, list: articles.map(({ title }) => title) }));
}
