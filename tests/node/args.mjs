// The command line all checks share: `<url> [bearer token] [--option value …]`.

import { parseArgs } from "node:util";

/** Reads the command line; `options` names the options that this check knows. */
export function readArgs(options = []) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: Object.fromEntries(options.map((name) => [name, { type: "string" }])),
  });
  const [url, token] = positionals;
  if (!url || positionals.length > 2) {
    const known = options.map((name) => ` [--${name} …]`).join("");
    throw new Error(`usage: <url> [bearer token]${known}`);
  }
  return { url, token, ...values };
}

/** The header that makes the caller an administrator; none without a token. */
export function authorization(token) {
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** What a gateway answers to a document; an error if it has any. */
export async function ask(gateway, token, query, variables) {
  const response = await fetch(new URL("/graphql", gateway), {
    method: "POST",
    headers: { ...authorization(token), "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** Runs a check: its result is printed as JSON, and `ok` decides the exit code. */
export async function report(check) {
  let result;
  try {
    result = await check();
  } catch (error) {
    result = { ok: false, errors: [error.stack ?? String(error)] };
  }
  // A check that failed may have left connections open.
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`, () => process.exit(result.ok ? 0 : 1));
}
