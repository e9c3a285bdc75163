// An Apollo Client whose subscriptions go on where a broken connection left them.

import { setTimeout as sleep } from "node:timers/promises";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket; // Node.js has one of its own from version 22 on

/** Queries and mutations go over HTTP, subscriptions over one WebSocket. */
export function connect(url, token) {
  const http = new HttpLink({ uri: url, headers: { authorization: `Bearer ${token}` } });
  const socket = createClient({
    url: url.replace(/^http/, "ws"),
    connectionParams: { access_token: token },
    retryAttempts: Infinity,
    // A random part, so that not all come back at the same moment.
    retryWait: (retries) => sleep((0.5 + Math.random()) * Math.min(250 * 2 ** retries, 15_000)),
    shouldRetry: ({ code }) => code !== 4403, // a wrong token stays wrong
  });
  const client = new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === "subscription",
      new GraphQLWsLink(resuming(socket)),
      http,
    ),
    cache: new InMemoryCache(),
  });
  return { client, socket };
}

/**
 * After a broken connection graphql-ws sends each subscription again, with its variables as
 * they are by then: `$after` is the position of the last change.
 */
function resuming(socket) {
  const subscribe = (payload, sink) => {
    const variables = { ...payload.variables };
    const next = (result) => {
      const [change] = Object.values(result.data ?? {});
      if (change?.position) variables.after = change.position;
      sink.next(result);
    };
    return socket.subscribe({ ...payload, variables }, { ...sink, next });
  };
  return { ...socket, subscribe };
}
