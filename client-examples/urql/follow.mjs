// Mirrors a set of items: takes what is there, follows its changes, comes back by itself.
//
//   TIDEGATE_TOKEN=… node follow.mjs [changes]
//
// Prints a line of JSON for what is there and for each change, with the names in the set by
// then; ends after so many changes, or never. TIDEGATE_URL names another gateway.

import { gql } from "@urql/core";
import { connect } from "./client.mjs";

const { TIDEGATE_URL = "http://127.0.0.1:8055", TIDEGATE_TOKEN } = process.env;

// The items that are there come first, unless it goes on after a position.
const NORDIC = gql`
  subscription Nordic($countries: [String], $after: String) {
    authors_mutated(filter: { country: { _in: $countries } }, after: $after, snapshot: true) {
      snapshot event transition key position
      data { id name country }
    }
  }
`;

const variables = { countries: ["Denmark", "Finland", "Iceland", "Norway", "Sweden"] };

const client = connect(new URL("/graphql", TIDEGATE_URL).href, TIDEGATE_TOKEN);
const authors = new Map();
let left = Number(process.argv[2] ?? Infinity);

while (left > 0) await follow();

/** Follows until the end, or until nobody knows what came in between: then it begins anew. */
function follow() {
  return new Promise((resolve, reject) => {
    const onBegin = () => authors.clear();
    const following = client.subscription(NORDIC, variables, { onBegin }).subscribe(({ data, error }) => {
      if (!error) take(data.authors_mutated);
      else if (!isReset(error)) return reject(error);
      if (!error && left > 0) return;
      following.unsubscribe();
      resolve();
    });
  });
}

function isReset({ graphQLErrors }) {
  return graphQLErrors.some(({ extensions }) => extensions.code === "RESET");
}

function take({ snapshot, event, transition, key, data }) {
  // An item that is gone, or that has left the set, comes without data.
  if (data) authors.set(key, data);
  else authors.delete(key);
  // Behind the items that are there, one without a key says that these were all.
  if (snapshot && !key) report("read");
  if (snapshot) return;
  report(transition ?? event, key);
  left -= 1;
}

function report(event, key) {
  const names = [...authors.values()].map(({ name }) => name);
  console.log(JSON.stringify({ event, key, list: names }));
}
