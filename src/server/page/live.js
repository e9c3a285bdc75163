// The page of live changes: every collection that the caller may follow, over one
// WebSocket (graphql-transport-ws). What it has seen it goes on from by itself; where
// that is not possible any more it says so, and reads anew.
"use strict";

const ROWS = 20;
const LOG = 100;
/** Fields that are asked for, and of them shown: texts that are longer than a cell are not. */
const FIELDS = 16;
const COLUMNS = 7;
const LONGEST_TEXT = 60;
const SECONDS = 60;
const LONGEST_PAUSE_MS = 4000;

/** Why the gateway does not know any more what came behind a position. */
const REASONS = {
  other_epoch: "the gateway was restarted",
  evicted: "they had to make room for newer ones",
  broken_off: "the database broke off while it committed",
};

const settings = JSON.parse(document.getElementById("tidegate").textContent);
const at = (id) => document.getElementById(id);
const storage = browserStorage();

const state = {
  token: settings.token ?? storage?.getItem("tidegate:token") ?? "",
  socket: null,
  /** By name: fields, key, position, rows, … */
  collections: new Map(),
  shown: null,
  counts: { create: 0, update: 0, delete: 0 },
  /** How many changes were told in each of the last seconds. */
  seconds: new Array(SECONDS).fill(0),
  pause: 0,
};

at("database").textContent = settings.title;
if (settings.title) document.title = `Live · ${settings.title} · Tidegate`;
at("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  state.token = at("token").value.trim();
  storage?.setItem("tidegate:token", state.token);
  state.pause = 0;
  connect();
});
setInterval(tick, 1000);
connect();

/** The session's, so that a token is gone with its tab. */
function browserStorage() {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}

// ---------------------------------------------------------------- the connection

function connect() {
  at("sign-in").hidden = true;
  say("connecting");
  const address = new URL("graphql", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address, "graphql-transport-ws");
  const operations = new Map();
  let ids = 0;
  socket.onopen = () => send({ type: "connection_init", payload: { ...(state.token ? { access_token: state.token } : {}), position: true } });
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "connection_ack") {
      state.position = message.payload.position;
      return begin(subscribe).catch(fail);
    }
    if (message.type === "ping") return send({ type: "pong" });
    const operation = operations.get(message.id);
    if (message.type !== "next") operations.delete(message.id);
    operation?.[message.type]?.(message.payload);
  };
  socket.onclose = ({ code }) => {
    if (state.socket !== socket) return;
    state.socket = null;
    if (code === 4403) return void renew().catch(fail);
    say("coming back");
    // By chance, or all who were told to go would come at once.
    state.pause = Math.min(LONGEST_PAUSE_MS, state.pause * 2 + 200);
    setTimeout(connect, state.pause * (0.5 + Math.random() / 2));
  };
  state.socket = socket;

  function send(message) {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  function subscribe(query, variables, operation) {
    const id = String((ids += 1));
    operations.set(id, operation);
    send({ id, type: "subscribe", payload: { query, variables } });
  }
}

/** Follows everything, from where it stopped. */
async function begin(subscribe) {
  if (state.collections.size === 0) await discover();
  state.pause = 0;
  say("live");
  for (const collection of state.collections.values()) follow(collection, subscribe);
  if (settings.demo) at("actions").hidden = false;
  await show(state.shown ?? preferred());
}

function follow(collection, subscribe) {
  const { name, selection } = collection;
  // Without a position nothing is known of the time between: what is shown is read anew.
  if (!collection.position) collection.isStale = true;
  subscribe(
    `subscription ($after: String) { change: ${name}_mutated(after: $after) { event key transition position at data { ${selection} } } }`,
    { after: collection.position ?? null },
    {
      next: ({ data, errors }) => (data?.change ? take(collection, data.change) : fail(errors?.[0])),
      error: (errors) => {
        if (errors[0].extensions?.code !== "RESET") {
          fail(errors[0]);
          // It comes back, and goes on where it stopped.
          return state.socket?.close();
        }
        tellGap(name, errors[0].extensions.reason);
        collection.position = null;
        follow(collection, subscribe);
        if (state.shown === collection) load(collection).catch(fail);
      },
    },
  );
  // If it breaks before anything is told, it goes on from here.
  collection.position ??= state.position;
  subscribe(`subscription { counted: ${name}_aggregated { countAll } }`, {}, {
    next: ({ data }) => {
      if (data?.counted) collection.count.textContent = data.counted[0]?.countAll ?? 0;
    },
    error: (errors) => fail(errors[0]),
  });
}

async function ask(query, variables) {
  const response = await fetch("graphql", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(state.token ? { authorization: `Bearer ${state.token}` } : {}),
    },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors[0].message);
  return data;
}

/** A gateway that was restarted may have another token for its page; else somebody must know one. */
async function renew() {
  const page = new DOMParser().parseFromString(await (await fetch("live")).text(), "text/html");
  const { token } = JSON.parse(page.getElementById("tidegate").textContent);
  if (token && token !== state.token) {
    state.token = token;
    return connect();
  }
  say("no access");
  at("sign-in").hidden = false;
  at("token").focus();
}

// ---------------------------------------------------------------- what there is

/** The collections that can be followed, with the fields that stand for themselves. */
async function discover() {
  const { __schema: schema } = await ask(`{ __schema {
    subscriptionType { fields { name } }
    types { name kind fields { name type { name kind ofType { name kind } } } }
  } }`);
  const types = new Map(schema.types.map((type) => [type.name, type]));
  const followed = (schema.subscriptionType?.fields ?? []).filter(({ name }) => name.endsWith("_mutated"));
  if (followed.length === 0) throw new Error("There is nothing that may be followed.");
  for (const field of followed) {
    const name = field.name.slice(0, -"_mutated".length);
    const own = (types.get(name)?.fields ?? []).map((of) => ({ name: of.name, type: of.type.ofType ?? of.type }));
    const plain = own.filter(({ type }) => type.kind === "SCALAR" || type.kind === "ENUM");
    if (plain.length === 0) continue;
    const keys = plain.filter(({ type }) => type.name === "ID").map((of) => of.name);
    const isText = ({ type }) => type.name === "JSON" || type.name === "Hash";
    const fields = plain.filter((of) => !isText(of)).slice(0, FIELDS).map((of) => of.name);
    const selection = [...new Set([...keys, ...fields])].join(" ");
    const collection = { name, fields, keys, selection, columns: fields, rows: new Map() };
    Object.assign(collection, { position: null, isStale: true, waiting: null });
    state.collections.set(name, collection);
    at("collections").append(button(collection));
  }
}

function button(collection) {
  const element = document.createElement("button");
  const title = document.createElement("span");
  title.textContent = collection.name;
  collection.count = document.createElement("span");
  element.type = "button";
  element.append(title, collection.count);
  element.addEventListener("click", () => show(collection).catch(fail));
  collection.button = element;
  return element;
}

function preferred() {
  return state.collections.get("articles") ?? state.collections.values().next().value;
}

async function show(collection) {
  state.shown = collection;
  for (const other of state.collections.values()) {
    other.button.setAttribute("aria-pressed", String(other === collection));
  }
  at("collection").textContent = collection.name;
  if (collection.isStale) await load(collection);
  else draw(collection);
}

/** The latest rows. What is told while they are read is taken behind them. */
async function load(collection) {
  const { name, selection, keys } = collection;
  if (collection.waiting) return;
  collection.waiting = [];
  try {
    const sort = keys.length === 1 ? `, sort: ["-${keys[0]}"]` : "";
    const { rows } = await ask(`{ rows: ${name}(limit: ${ROWS}${sort}) { ${selection} } }`);
    collection.rows = new Map(rows.map((row) => [keyOf(collection, row), { row }]));
    const isShort = (name) => rows.every((row) => display(row[name]).length <= LONGEST_TEXT);
    collection.columns = collection.fields.filter(isShort).slice(0, COLUMNS);
    collection.isStale = false;
  } finally {
    const waiting = collection.waiting;
    collection.waiting = null;
    for (const change of waiting) apply(collection, change);
  }
  if (state.shown === collection) draw(collection);
}

function keyOf({ keys }, row) {
  const parts = keys.map((key) => row[key]);
  return parts.length === 1 ? String(parts[0]) : JSON.stringify(parts);
}

// ---------------------------------------------------------------- what changes

function take(collection, change) {
  if (change.position) {
    collection.position = change.position;
    at("position").textContent = change.position;
  }
  state.counts[change.event] += 1;
  state.seconds[SECONDS - 1] += 1;
  tell(collection, change);
  if (collection.waiting) collection.waiting.push(change);
  else apply(collection, change);
}

function apply(collection, { event, key, data }) {
  const { rows } = collection;
  const known = rows.get(key);
  if (event === "delete" || !data) {
    if (!known) return;
    known.mark = "delete";
    // Seen to go, then gone.
    setTimeout(() => {
      if (rows.get(key) !== known) return;
      rows.delete(key);
      if (state.shown === collection) draw(collection);
    }, 1200);
  } else if (known) {
    known.row = data;
    known.mark = event;
  } else {
    collection.rows = new Map([[key, { row: data, mark: event }], ...rows]);
    while (collection.rows.size > ROWS) collection.rows.delete([...collection.rows.keys()].pop());
  }
  if (state.shown === collection) draw(collection);
}

function draw(collection) {
  const drawn = [...collection.rows].map(([key, entry]) => {
    const line = document.createElement("tr");
    line.dataset.key = key;
    line.append(...collection.columns.map((name) => cell("td", display(entry.row[name]))));
    if (entry.mark) line.classList.add("flash", entry.mark);
    if (entry.mark !== "delete") entry.mark = null;
    return line;
  });
  at("fields").replaceChildren(...collection.columns.map((name) => cell("th", name)));
  at("rows").replaceChildren(...drawn);
}

function cell(kind, text) {
  const element = document.createElement(kind);
  element.textContent = text;
  return element;
}

function display(value) {
  return value === null || value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
}

function tell(collection, { event, key, at: when }) {
  const line = document.createElement("li");
  line.className = event;
  const time = cell("time", new Date(when ?? Date.now()).toLocaleTimeString([], { hour12: false }));
  line.append(cell("b", event), cell("span", `${collection.name} ${key}`), time);
  note(line);
}

function tellGap(name, reason) {
  const why = REASONS[reason] ?? reason;
  const line = cell("li", `${name}: some changes may be missing, for ${why}; read anew.`);
  line.className = "gap";
  note(line);
  at("gap").textContent = "Some changes may be missing; everything was read anew.";
  at("gap").classList.add("bad");
}

function note(line) {
  at("quiet").hidden = true;
  at("log").prepend(line);
  while (at("log").childElementCount > LOG) at("log").lastElementChild.remove();
}

/** Once a second, however much comes. */
function tick() {
  const { create, update, delete: deleted } = state.counts;
  at("rate").textContent = state.seconds[SECONDS - 1];
  at("seen").textContent = (create + update + deleted).toLocaleString();
  at("kinds").textContent = `${create} created, ${update} updated, ${deleted} deleted`;
  const most = Math.max(5, ...state.seconds);
  const bars = state.seconds.map((count, second) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = (count / most) * 20;
    const places = { x: second + 0.15, y: 20 - height, width: 0.7, height };
    for (const [name, value] of Object.entries(places)) bar.setAttribute(name, value);
    return bar;
  });
  at("history").replaceChildren(...bars);
  state.seconds = [...state.seconds.slice(1), 0];
  if (at("traffic").checked && state.socket) change();
}

function say(text) {
  at("connection").textContent = text;
  at("connection").dataset.state = text;
}

function fail(error) {
  at("actions").hidden = false;
  at("failure").textContent = error?.message ?? "Something went wrong.";
}

// ---------------------------------------------------------------- the demo's own writes

const WORDS = ["tide", "harbour", "lantern", "orchard", "archive", "meridian", "gravel", "violin", "lighthouse", "ember"];
const any = (list) => list[Math.floor(Math.random() * list.length)];
const made = [];

if (settings.demo) {
  at("change").addEventListener("click", change);
} else {
  at("change").hidden = true;
  at("traffic").parentElement.hidden = true;
}

/** Rates an article, writes one, comments on one, or takes back what this page wrote. */
async function change() {
  at("failure").textContent = "";
  try {
    const { articles } = await ask(`{ articles(limit: ${ROWS}, sort: ["-id"]) { id title } }`);
    const chance = Math.random();
    const article = any(articles);
    if (chance < 0.55 || articles.length === 0) {
      const rating = Math.round(Math.random() * 50) / 10;
      await ask(`mutation ($id: ID!, $rating: Float) {
        update_articles_item(id: $id, data: { rating: $rating }) { id } }`, { id: article.id, rating });
    } else if (chance < 0.75) {
      const title = `The ${any(WORDS)} and the ${any(WORDS)}`;
      const slug = `${title.toLowerCase().replaceAll(" ", "-")}-${Math.random().toString(36).slice(2, 10)}`;
      const { made: item } = await ask(`mutation ($title: String!, $slug: String!) {
        made: create_articles_item(data: { title: $title, slug: $slug, author: { id: 1 } }) { id } }`, { title, slug });
      made.push(item.id);
    } else if (chance < 0.9 || made.length === 0) {
      await ask(`mutation ($article: ID!, $body: String!) {
        create_comments_item(data: { article: { id: $article }, author_name: "A reader", body: $body }) { id } }`,
        { article: article.id, body: `More about the ${any(WORDS)}, please.` });
    } else {
      await ask("mutation ($id: ID!) { delete_articles_item(id: $id) { id } }", { id: made.shift() });
    }
  } catch (error) {
    fail(error);
  }
}
