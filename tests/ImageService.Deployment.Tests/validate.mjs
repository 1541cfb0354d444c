// node validate.mjs TOOLS FILE...: checks every YAML document against the schema of its kind: types, required fields, enumerations.
// It does not know unknown fields; the tests that call it check those by strict deserialization.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [tools, ...files] = process.argv.slice(2);
const modules = path.join(tools, "node_modules");
const load = (...parts) => import(pathToFileURL(path.join(modules, ...parts)));
const { parseAllDocuments } = await load("yaml", "dist", "index.js");

function schemaOf({ apiVersion, kind }) {
  const candidates = [path.join("kubernetes-models", apiVersion), path.join("@kubernetes-models", "keda", apiVersion)];
  return candidates.map((folder) => path.join(folder, `${kind}.js`)).find((file) => existsSync(path.join(modules, file)));
}

let documents = 0;
const findings = [];
for (const file of files) {
  for (const document of parseAllDocuments(readFileSync(file, "utf8"), { uniqueKeys: true })) {
    const manifest = document.toJS();
    findings.push(...document.errors.map((error) => `${path.basename(file)}: ${error.message}`));
    if (!manifest) continue;
    documents++;
    const name = `${path.basename(file)}: ${manifest.kind}/${manifest.metadata?.name}`;
    const schema = schemaOf(manifest);
    if (!schema) {
      findings.push(`${name}: no schema for ${manifest.apiVersion}`);
      continue;
    }
    try {
      new (await load(schema))[manifest.kind](manifest).validate();
    } catch (error) {
      findings.push(`${name}: ${error.message}`);
    }
  }
}
findings.forEach((finding) => console.error(finding));
console.log(`${documents} documents, ${findings.length} findings`);
process.exit(findings.length === 0 && documents > 0 ? 0 : 1);
