// GraphQL over HTTP, as the reference audit of the `graphql-http` package sees it.
//
//   node tests/node/audit.mjs <graphql url> [bearer token]
//
// Errors and warnings fail the check; notices (MAY) do not.

import { auditServer } from "graphql-http";
import { authorization, readArgs, report } from "./args.mjs";

await report(async () => {
  const { url, token } = readArgs();
  const fetchFn = (input, init = {}) =>
    fetch(input, { ...init, headers: { ...init.headers, ...authorization(token) } });
  const audits = (await auditServer({ url, fetchFn })).map(({ id, name, status, reason }) => ({
    id,
    name,
    status,
    reason,
  }));
  const failed = audits.filter(({ status }) => status === "error" || status === "warn");
  return { ok: audits.length > 0 && failed.length === 0, failed: failed.length, audits };
});
