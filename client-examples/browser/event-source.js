// Follows collections with EventSource, which every browser has.

/**
 * Tells each change of the demo's articles and comments; what it returns ends that.
 * `tell` has `change`, `gap` (something may be missing) and `state`.
 */
export function follow(gateway, token, tell) {
  const url = new URL("/stream", gateway);
  url.searchParams.set("collections", "articles,comments");
  url.searchParams.set("fields", "title,author_name,body");
  // EventSource sends no headers of ours.
  url.searchParams.set("access_token", token);
  let source, waiting;

  function open() {
    source = new EventSource(url);
    source.onopen = () => tell.state("following");
    for (const name of ["create", "update", "delete"]) {
      source.addEventListener(name, (event) => {
        // The browser sends it as `Last-Event-ID` when it comes back by itself.
        url.searchParams.set("after", event.lastEventId);
        tell.change(JSON.parse(event.data));
      });
    }
    source.addEventListener("reset", (event) => {
      tell.gap(JSON.parse(event.data).message);
      source.close();
      // Where the log is for this collection, and where the others were.
      url.searchParams.set("after", event.lastEventId);
      open();
    });
    source.onerror = () => {
      tell.state("away, or refused; coming back");
      // After an answer that is an error, a browser gives up: of a proxy, say, while the
      // gateway restarts.
      if (source.readyState === EventSource.CLOSED) waiting = setTimeout(open, 5_000);
    };
  }

  open();
  return () => {
    clearTimeout(waiting);
    source.close();
  };
}
