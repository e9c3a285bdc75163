// Fetches a server's whole schema by the fullest introspection query there is.

import { buildClientSchema, getIntrospectionQuery } from "graphql";
import { request } from "./request.mjs";

/** The schema as a client sees it. */
export async function fetchSchema(server) {
  const query = getIntrospectionQuery({
    descriptions: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    // Newer than the published specification, so only asked of servers that have it.
    oneOf: await knowsOneOf(server),
  });
  return buildClientSchema(await request(server, query));
}

async function knowsOneOf(server) {
  const data = await request(server, '{ __type(name: "__Type") { fields { name } } }');
  return data.__type?.fields.some((field) => field.name === "isOneOf") ?? false;
}
