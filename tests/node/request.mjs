// One GraphQL request over HTTP, as plain as it can be.

import { authorization } from "./args.mjs";

/** Posts a document and returns `data`; errors of any kind are thrown. */
export async function request({ url, token }, query, variables = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json",
      ...authorization(token),
    },
    body: JSON.stringify({ query, variables }),
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`status ${response.status}: ${body}`);
  const { data, errors } = JSON.parse(body);
  if (errors) throw new Error(`the server answered with errors: ${JSON.stringify(errors)}`);
  return data;
}
