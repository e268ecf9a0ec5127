// Writes cases.json from the official conformance suite of the Common Expression Language.
//
//   npm install @bufbuild/cel-spec
//   node generate.mjs node_modules/@bufbuild/cel-spec cases.json
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [packageFolder, target] = process.argv.slice(2);
if (!target) throw new Error("usage: node generate.mjs PACKAGE_FOLDER TARGET");

const files = [
  "basic", "comparisons", "conversions", "fields", "fp_math", "integer_math", "lists", "logic",
  "macros", "parse", "plumbing", "string", "string_ext", "timestamps",
];

const url = (path) => pathToFileURL(resolve(packageFolder, path)).href;
const { tests } = await import(url("dist/esm/testdata/conformance.js"));
const { version } = JSON.parse(readFileSync(resolve(packageFolder, "package.json"), "utf8"));

// A value with its type: {"int": "1"}, {"list": [...]}, {"map": [[key, item], ...]}.
function encoded(value) {
  const [[kind, content]] = Object.entries(value);
  switch (kind) {
    case "nullValue": return { null: null };
    case "boolValue": return { bool: content };
    case "int64Value": return { int: content };
    case "uint64Value": return { uint: content };
    case "doubleValue": return { double: String(content) };
    case "stringValue": return { string: content };
    case "bytesValue": return { bytes: content };
    case "typeValue": return { type: content };
    case "listValue": return { list: (content.values ?? []).map(encoded) };
    case "mapValue":
      return { map: (content.entries ?? []).map((e) => [encoded(e.key), encoded(e.value)]) };
    case "objectValue":
      if (content["@type"].endsWith("google.protobuf.Duration")) return { duration: content.value };
      if (content["@type"].endsWith("google.protobuf.Timestamp")) {
        return { timestamp: content.value };
      }
  }
  throw new Error(`a value of kind ${kind}`);
}

const times = /google\.protobuf\.(Timestamp|Duration)/g;

function reasonToLeaveOut(test) {
  if (test.checkOnly) return "check only";
  const { name, description, ...rest } = test;
  const text = JSON.stringify(rest).replace(times, "");
  if (/google\.protobuf|TestAllTypes|cel\.expr|proto[23]/.test(text)) return "messages";
  if (/"enumValue"|"messageType":"[^"]/.test(text)) return "messages";
  return null;
}

function encodedCase(path, test) {
  const line = { name: `${path}/${test.name}`, expr: test.expr };
  if (test.disableCheck) line.check = false;
  const declared = (test.typeEnv ?? []).map((each) => each.name);
  if (declared.length) line.declared = declared;
  if (test.bindings) {
    line.bindings = Object.fromEntries(
      Object.entries(test.bindings).map(([name, each]) => [name, encoded(each.value)]));
  }
  if (test.evalError) line.error = true;
  else line.value = test.value ? encoded(test.value) : { bool: true };
  return line;
}

const cases = [];
const leftOut = {};
const counts = {};
for (const file of files) {
  leftOut[file] = {};
  counts[file] = 0;
  const walk = (suite, path) => {
    for (const { original } of suite.tests ?? []) {
      const reason = reasonToLeaveOut(original);
      if (reason) {
        leftOut[file][reason] = (leftOut[file][reason] ?? 0) + 1;
        continue;
      }
      counts[file] += 1;
      cases.push(encodedCase(path, original));
    }
    for (const inner of suite.suites ?? []) walk(inner, `${path}/${inner.name}`);
  };
  walk(tests.suites.find((suite) => suite.name === file), file);
}

const lines = cases.map((each) => JSON.stringify(each)).join(",\n");
writeFileSync(target, `{"source": "@bufbuild/cel-spec ${version}",
"notice": "Derived from the conformance tests of the Common Expression Language; see NOTICE",
"counts": ${JSON.stringify(counts)},
"left_out": ${JSON.stringify(leftOut)},
"cases": [
${lines}
]}
`);
console.log(`${cases.length} cases`, counts, leftOut);
