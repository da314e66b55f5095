#!/usr/bin/env bash
# Copies what our pages ship of other people's code out of node_modules, without the lines that name source maps.
# Beside each module goes a one-line .d.ts, so that tsc takes its types from the package; browsers never ask for these.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

modules=(lit-html directive directive-helpers async-directive
    directives/{class-map,guard,if-defined,keyed,live,ref,repeat})
lit=web_common/vendor/lit-html
jsqr=web_app/vendor

copy() { sed '/^\/\/# sourceMappingURL=/d' "$1" >"$2"; }

rm -rf "$lit" "$jsqr"
mkdir -p "$lit/directives" "$jsqr"
for module in "${modules[@]}"; do
    copy "node_modules/lit-html/$module.js" "$lit/$module.js"
    printf 'export * from "lit-html/%s.js";\n' "$module" >"$lit/$module.d.ts"
done
# The package gives its main module no name of its own.
printf 'export * from "lit-html";\n' >"$lit/lit-html.d.ts"
cp node_modules/lit-html/LICENSE "$lit/LICENSE"

# Not a module: it leaves a global function behind.
copy node_modules/jsqr/dist/jsQR.js "$jsqr/jsQR.js"
printf 'declare global {\n  var jsQR: typeof import("jsqr").default;\n}\nexport {};\n' >"$jsqr/jsQR.d.ts"
cp node_modules/jsqr/LICENSE "$jsqr/LICENSE"
