// An urql client whose subscriptions are event streams, and go on where a broken one stopped.

import { setTimeout as sleep } from "node:timers/promises";
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-sse";

/** Queries and mutations are fetched, each subscription is a stream of its own. */
export function connect(url, token) {
  const headers = { authorization: `Bearer ${token}` };
  let refusal;
  const streams = createClient({
    url,
    headers,
    fetchFn: async (...request) => {
      const response = await fetch(...request);
      const isRefused = response.status >= 400 && response.status < 500;
      refusal = isRefused ? `${response.status}: ${await response.clone().text()}` : undefined;
      return response;
    },
    retryAttempts: Infinity,
    retry: async (retries) => {
      if (refusal) throw new Error(refusal); // a wrong token stays wrong
      // A random part, so that not all come back at the same moment.
      await sleep((0.5 + Math.random()) * Math.min(250 * 2 ** retries, 15_000));
    },
  });
  const forwardSubscription = (request, { context }) => ({
    subscribe: (sink) => ({ unsubscribe: resuming(streams, request, sink, context.onBegin) }),
  });
  return new Client({
    url,
    fetchOptions: { headers },
    exchanges: [fetchExchange, subscriptionExchange({ forwardSubscription })],
  });
}

/**
 * After a broken stream graphql-sse asks again, with the variables as they are by then: `$after`
 * is the position of the last change. Without one the subscription begins, which `onBegin` is told.
 */
function resuming(streams, { query, variables }, sink, onBegin) {
  const request = { query, variables: { ...variables } };
  const next = (result) => {
    const [change] = Object.values(result.data ?? {});
    if (change?.position) request.variables.after = change.position;
    sink.next(result);
  };
  const error = (problem) => sink.error(problem);
  const complete = () => sink.complete();
  const connecting = () => request.variables.after ?? onBegin?.();
  return streams.subscribe(request, { next, error, complete }, { connecting });
}
