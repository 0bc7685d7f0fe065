// Builds board.html: one file with its script and its style inside, which asks no other place for anything.
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "board.html");

const { outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: ["source/main.tsx"],
  outdir: "out",
  bundle: true,
  minify: true,
  write: false,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
});
const text = (ending) => outputFiles.find((file) => file.path.endsWith(ending)).text.trim();
const [script, style] = [text(".js"), text(".css")];

const hash = (content) => `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  "img-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const icon =
  "data:image/svg+xml," +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#c2410c"/>' +
      '<path d="M4 12V8m4 4V4m4 8V6" stroke="#fff" stroke-width="2" stroke-linecap="round"/></svg>',
  );

await writeFile(
  target,
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Leads</title>
<link rel="icon" href="${icon}">
<!-- Built by build.mjs from source/; do not edit. Holds Preact (MIT licence, Copyright Jason Miller). -->
<style>${style}</style>
</head>
<body>
<div id="board"></div>
<noscript>The board needs JavaScript.</noscript>
<script type="module">${script}</script>
</body>
</html>
`,
);
