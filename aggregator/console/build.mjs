// Bundles the console into dist/: one page, hashed assets, nothing from elsewhere at run time.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const fresh = join(here, "dist.new");
const dist = join(here, "dist");

await rm(fresh, { recursive: true, force: true });
await mkdir(join(fresh, "assets"), { recursive: true });

const bundle = await build({
  absWorkingDir: here,
  entryPoints: { console: "src/main.tsx" },
  outdir: join(fresh, "assets"),
  entryNames: "[name]-[hash]",
  bundle: true,
  format: "esm",
  target: ["chrome117", "firefox121", "safari16.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

const outputs = Object.keys(bundle.metafile.outputs).map((path) => `assets/${basename(path)}`);
const one = (extension) => {
  const found = outputs.filter((path) => path.endsWith(extension));
  if (found.length !== 1) throw new Error(`expected one ${extension} file, got ${found.length}`);
  return found[0];
};

const icon = await readFile(join(here, "src/icon.svg"));
const iconPath = `assets/icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`;
await writeFile(join(fresh, iconPath), icon);

const template = await readFile(join(here, "index.html"), "utf8");
const filled = { icon: iconPath, style: one(".css"), script: one(".js") };
await writeFile(join(fresh, "index.html"), template.replace(/\{\{(\w+)\}\}/g, (_, name) => filled[name]));
await writeFile(join(fresh, "licences.txt"), await licences(Object.keys(bundle.metafile.inputs)));

await rm(dist, { recursive: true, force: true });
await rename(fresh, dist);

/** The licence texts of the packages that went into the bundle, as they ask for. */
async function licences(inputs) {
  const packages = new Set();
  for (const input of inputs) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
    if (name) packages.add(name);
  }
  const texts = [];
  for (const name of [...packages].sort()) {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} ${version} has no licence file`);
    texts.push(`${name} ${version} (${license})\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`);
  }
  return texts.join(`\n${"-".repeat(72)}\n\n`);
}
