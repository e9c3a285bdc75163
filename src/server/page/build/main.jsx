// The page for people: GraphiQL, told by the settings block of index.html where
// it is and whom it speaks for. Everything it needs is in this bundle; it talks
// to nobody but the gateway that served it.

import { GraphiQL } from "graphiql";
import { Kind, OperationTypeNode, parse } from "graphql";
import { createRoot } from "react-dom/client";
import "graphiql/style.css";
import "./page.css";

const TOKEN_PLACEHOLDER = "%TIDEGATE_TOKEN%";

const settings = JSON.parse(document.getElementById("tidegate").textContent);

showWhere(settings);
createRoot(document.getElementById("graphiql")).render(page(settings));

function page({ endpoint, token, examples, title }) {
  const fetcher = createFetcher(endpoint, token);
  const headers = token ? JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2) : undefined;
  return (
    <GraphiQL
      fetcher={fetcher.fetch}
      onSchemaChange={fetcher.schemaArrived}
      defaultTabs={examples.length > 0 ? examples.map((query) => ({ query, headers })) : undefined}
      defaultHeaders={headers}
      shouldPersistHeaders={false}
      storage={storageFor(title, token)}
    />
  );
}

/**
 * Sends what the headers editor says and nothing else, so that deleting a header
 * there really deletes it. Only the first introspection is given the token here:
 * GraphiQL starts it before its headers editor exists.
 */
function createFetcher(endpoint, token) {
  let schemaArrived = false;
  return {
    schemaArrived: () => {
      schemaArrived = true;
    },
    fetch: async (request, options) => {
      const given = options?.headers ?? (token && !schemaArrived ? { Authorization: `Bearer ${token}` } : {});
      const stop = new AbortController();
      const response = await fetch(endpoint, {
        method: "POST",
        headers: {
          Accept: isSubscription(request) ? "text/event-stream" : "application/graphql-response+json, application/json",
          "Content-Type": "application/json",
          ...given,
        },
        body: JSON.stringify(ofOneDocument(request)),
        signal: stop.signal,
      });
      const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
      return isStream ? results(response.body, stop) : readAnswer(response);
    },
  };
}

/**
 * For a moment after a tab is opened GraphiQL still names the operation of the
 * tab before; a document with one operation needs no name.
 */
function ofOneDocument(request) {
  try {
    const operations = parse(request.query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    return operations.length === 1 ? { ...request, operationName: operations[0].name?.value } : request;
  } catch {
    // What is wrong with it is the gateway's to say.
    return request;
  }
}

function isSubscription({ query, operationName }) {
  try {
    const operations = parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    const run = operations.find(({ name }) => name?.value === operationName) ?? operations[0];
    return run?.operation === OperationTypeNode.SUBSCRIPTION;
  } catch {
    return false;
  }
}

/** What a subscription tells, one result after another, until it ends or is stopped. */
function results(body, stop) {
  const told = events(body, stop.signal);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => told.next(),
    return: async () => {
      stop.abort();
      return { done: true, value: undefined };
    },
  };
}

/** The payloads of GraphQL over Server-Sent Events. */
async function* events(body, stopped) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error("The stream has broken off.");
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const lines = block.split("\n");
        const field = (name) => lines.filter((line) => line.startsWith(name)).map((line) => line.slice(name.length));
        const [event] = field("event: ");
        if (event === "complete") return;
        if (event === "next") yield JSON.parse(field("data: ").join("\n"));
      }
    }
  } catch (error) {
    if (!stopped.aborted) throw error;
  }
}

async function readAnswer(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`The answer is not JSON (HTTP ${response.status} ${response.statusText}): ${text.slice(0, 500)}`);
  }
}

/**
 * Open tabs and history are kept per database: one address may serve another one
 * tomorrow. The history keeps headers, so the page's token is stored as a
 * placeholder: it stays out of the storage, and tomorrow's token takes its place.
 * Where the browser offers no storage, nothing is kept.
 */
function storageFor(title, token) {
  const prefix = `tidegate:${title}:`;
  const storage = browserStorage();
  if (!storage) {
    return null;
  }
  const ownKeys = () => Object.keys(storage).filter((key) => key.startsWith(prefix));
  return {
    getItem: (key) => storage.getItem(prefix + key)?.replaceAll(TOKEN_PLACEHOLDER, token ?? "") ?? null,
    setItem: (key, value) => storage.setItem(prefix + key, token ? value.replaceAll(token, TOKEN_PLACEHOLDER) : value),
    removeItem: (key) => storage.removeItem(prefix + key),
    clear: () => ownKeys().forEach((key) => storage.removeItem(key)),
    get length() {
      return ownKeys().length;
    },
  };
}

function browserStorage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

function showWhere({ endpoint, token, title }) {
  document.title = title ? `${title} · Tidegate` : "Tidegate";
  document.getElementById("database").textContent = title;
  document.getElementById("endpoint").textContent = new URL(endpoint, window.location.href).href;
  document.getElementById("caller").textContent = token ? "with token" : "public";
}
