// The licences of all npm packages of the lock files are on the list in deny.toml.
import { readFileSync } from "node:fs";

const deny = readFileSync(new URL("../deny.toml", import.meta.url), "utf8");
const list = deny.split("\n").find((line) => line.startsWith("allow = ["));
const allowed = new Set([...list.matchAll(/"([^"]+)"/g)].map((match) => match[1]));
// Others that are used and not passed on, each with its reason.
const excepted = {
  // Which browsers have what, for webpack and Next; a table of data, and nothing of it gets into what they build.
  "caniuse-lite": "CC-BY-4.0",
  // Looks at pages for what keeps people out; the tests put it into their pages, and nothing of it is passed on.
  "axe-core": "MPL-2.0",
};
const packages = ["", "../examples/"].flatMap((folder) => {
  const lock = JSON.parse(readFileSync(new URL(`${folder}package-lock.json`, import.meta.url), "utf8"));
  return Object.entries(lock.packages).filter(([path]) => path.includes("node_modules/"));
});

/** True if an SPDX expression is satisfied by the list; none of the expressions of a lock file nests an AND in an OR. */
function isAllowed(expression) {
  const bare = expression.replace(/[()]/g, "");
  return bare.split(" OR ").some((option) => option.split(" AND ").every((name) => allowed.has(name.trim())));
}

const isExcepted = (path, license) => license !== undefined && excepted[path.split("node_modules/").at(-1)] === license;

const wrong = packages.filter(
  ([path, { license, link }]) => !link && !isAllowed(license ?? "no licence") && !isExcepted(path, license),
);
for (const [path, { license }] of wrong) console.error(`${path}: '${license ?? "none"}' is not on the list of deny.toml`);
if (wrong.length > 0) process.exit(1);
console.log(`licences: ${packages.length} npm packages, all allowed`);
