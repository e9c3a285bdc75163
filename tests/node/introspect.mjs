// Is the schema one that client tools can build and find valid?
//
//   node tests/node/introspect.mjs <graphql url> [bearer token]
//
// Prints the schema's own text (sorted), so that it can be compared with what the
// gateway prints itself.

import { lexicographicSortSchema, printSchema, validateSchema } from "graphql";
import { readArgs, report } from "./args.mjs";
import { fetchSchema } from "./schema.mjs";

await report(async () => {
  const schema = await fetchSchema(readArgs());
  const errors = validateSchema(schema).map((error) => error.message);
  const sdl = printSchema(lexicographicSortSchema(schema));
  return { ok: errors.length === 0, errors, types: Object.keys(schema.getTypeMap()).length, sdl };
});
