// What graphql-js, the reference implementation, finds wrong with documents.
//
//   node tests/node/validate.mjs <graphql url> [bearer token] < documents.json
//
// Reads a JSON list of documents and prints, for each, the messages of all its
// problems; none for a valid one.

import { text } from "node:stream/consumers";
import { parse, validate } from "graphql";
import { readArgs, report } from "./args.mjs";
import { fetchSchema } from "./schema.mjs";

function problems(schema, document) {
  try {
    return validate(schema, parse(document)).map(({ message }) => message);
  } catch (error) {
    return [error.message];
  }
}

await report(async () => {
  const schema = await fetchSchema(readArgs());
  const documents = JSON.parse(await text(process.stdin));
  return { ok: true, problems: documents.map((document) => problems(schema, document)) };
});
