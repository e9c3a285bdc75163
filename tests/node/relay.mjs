// A relay in front of a gateway, whose connections can be cut.

import http from "node:http";
import net from "node:net";

/** A way to a gateway that can be cut, and lead to another one afterwards. */
export async function startRelay(url) {
  const connections = new Set();
  let target = new URL(url);
  const server = net.createServer((near) => {
    if (!target) return near.destroy();
    const far = net.connect(Number(target.port), target.hostname);
    const end = () => [near, far].forEach((side) => side.destroy());
    for (const [side, other] of [[near, far], [far, near]]) {
      connections.add(side);
      side.on("error", end).on("close", () => {
        connections.delete(side);
        end();
      });
      side.pipe(other);
    }
  });
  const cut = () => {
    target = undefined;
    connections.forEach((side) => side.destroy());
  };
  const close = () => {
    cut();
    server.close();
  };
  return { url: await listen(server, "http"), cut, mend: (url) => (target = new URL(url)), close };
}

/** Listens on a free port; its address. */
export async function listen(server, scheme) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `${scheme}://127.0.0.1:${server.address().port}`;
}
