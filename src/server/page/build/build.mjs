// Builds what the gateway serves at `/`: `npm ci && npm run build`.
//
// Writes graphiql.js.gz, graphiql.css.gz and THIRD-PARTY.txt into the folder
// above. The same lock file gives the same bytes.

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = dirname(here);

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`;

const result = await build({
  absWorkingDir: here,
  entryPoints: { graphiql: "main.jsx" },
  outdir: out,
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  format: "iife",
  target: ["es2022", "chrome109", "firefox121", "safari16.4"],
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  // The notices are in THIRD-PARTY.txt, whole.
  legalComments: "none",
  plugins: [withoutFonts()],
});

for (const file of result.outputFiles) {
  const gzipped = execFileSync("gzip", ["-9nc"], { input: file.contents, maxBuffer: 1 << 26 });
  writeFileSync(`${file.path}.gz`, gzipped);
  console.log(`${file.path}.gz: ${gzipped.length} bytes (${file.contents.length} before gzip)`);
}
writeFileSync(join(out, "THIRD-PARTY.txt"), notices(packagesIn(result.metafile)));

/** GraphiQL's style sheet carries 34 fonts as data URLs; the page uses the system's fonts. */
function withoutFonts() {
  return {
    name: "without-fonts",
    setup({ onLoad }) {
      onLoad({ filter: /graphiql[\\/]dist[\\/]style\.css$/ }, ({ path }) => ({
        contents: readFileSync(path, "utf8").replace(/@font-face\s*\{[^}]*\}/g, ""),
        loader: "css",
      }));
    },
  };
}

/** The folders of the packages that put at least one byte into an output. */
function packagesIn({ outputs }) {
  const folders = new Set();
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const folder = path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0];
      if (folder && bytesInOutput > 0) {
        folders.add(folder);
      }
    }
  }
  return [...folders].map(describe).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function describe(folder) {
  const { name, version, license, author, contributors } = JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
  if (!license) {
    throw new Error(`${name} does not say its licence`);
  }
  const by = [author, ...(contributors ?? [])].filter(Boolean).map((who) => who.name ?? who)[0];
  // The plugins of GraphiQL come from its repository and are under its licence.
  const text = licenceText(folder) ?? (name.startsWith("@graphiql/") ? licenceText("node_modules/graphiql") : undefined);
  return { name, version, license, by, text };
}

function licenceText(folder) {
  const file = readdirSync(join(here, folder)).find((entry) => /^licen[cs]e/i.test(entry));
  return file && readFileSync(join(here, folder, file), "utf8").replace(/\r/g, "").trim();
}

function notices(packages) {
  const groups = new Map();
  for (const part of packages) {
    const text = part.text ?? standardText(part);
    groups.set(text, [...(groups.get(text) ?? []), part]);
  }
  const rule = "-".repeat(78);
  const sections = [...groups].map(([text, parts]) => {
    const names = parts.map(({ name, version, license }) => `${name} ${version} (${license})`);
    return `${rule}\n${names.join("\n")}\n${rule}\n\n${text}\n`;
  });
  return `The page that the gateway serves at / bundles the packages below.\n\n${sections.join("\n")}`;
}

/** For the few packages that name the MIT licence without bringing its text. */
function standardText({ name, license, by }) {
  if (license !== "MIT") {
    throw new Error(`${name} (${license}) brings no licence text`);
  }
  return `MIT License

Copyright (c) ${by ?? `the authors of ${name}`}

${MIT}`;
}
