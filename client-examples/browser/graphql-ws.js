// Keeps a list true with a GraphQL subscription over a WebSocket.

import { createClient } from "graphql-ws";

const FILTER = { status: { _eq: "draft" }, word_count: { _gte: 2400 } };
// The items that are there come first, unless it goes on after a position.
const LONG_DRAFTS = `subscription LongDrafts($filter: articles_filter, $after: String) {
  articles_mutated(filter: $filter, after: $after, snapshot: true) {
    key position
    data { title word_count author { name } }
  }
}`;

/**
 * Tells the list of the demo's long drafts at the start and whenever it changes; what it
 * returns ends that. `tell` has `list` and `state`.
 */
export function follow(gateway, token, tell) {
  const rows = new Map();
  let variables;

  const client = createClient({
    url: new URL("/graphql", gateway).href.replace(/^http/, "ws"),
    connectionParams: { access_token: token },
    retryAttempts: Infinity,
    // A random part, so that not all come back at the same moment.
    retryWait: (retries) => sleep((0.5 + Math.random()) * Math.min(250 * 2 ** retries, 15_000)),
    shouldRetry: ({ code }) => code !== 4403, // a wrong token stays wrong
    on: {
      connected: () => {
        tell.state("following");
        if (!variables.after) rows.clear(); // half a snapshot is of no use
      },
      closed: () => tell.state("away; coming back"),
    },
  });

  function begin() {
    rows.clear();
    tell.list([]);
    variables = { filter: FILTER };
    client.subscribe({ query: LONG_DRAFTS, variables }, { next, error, complete() {} });
  }

  function next({ data, errors }) {
    if (errors) return tell.state(errors[0].message);
    const { key, position, data: row } = data.articles_mutated;
    // An item that is gone, or that has left the set, comes without data.
    if (row) rows.set(key, row);
    else rows.delete(key);
    // After a broken connection the subscription is sent again, with its variables as they
    // are by then. Of a snapshot only the end, with an empty key, has a position.
    if (position) variables.after = position;
    if (variables.after) tell.list([...rows.values()]);
  }

  function error(problem) {
    if (problem[0]?.extensions?.code === "RESET") return begin();
    tell.state(problem[0]?.message ?? (problem.reason || "gone"));
  }

  begin();
  return () => client.dispose();
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
