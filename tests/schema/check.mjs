// Holds the JSON Schema of workflow files against their reader:
//   node check.mjs SCHEMA READER DOCUMENTS [FOLDER…]
// DOCUMENTS holds the folders `good` (both accept), `bad` (both refuse) and `beyond-the-schema`
// (the reader refuses what no schema can say). Of the workflow files in the other folders the
// schema has to accept what the reader accepts. Then each good document is changed in one place
// after the other, and the two have to agree about that as well.

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { changesOf } from './changes.mjs'
import { compiled } from './strict_ajv.mjs'

const [schemaFile, reader, documents, ...otherFolders] = process.argv.slice(2)
const validate = compiled(JSON.parse(readFileSync(schemaFile, 'utf8')))
const problems = []

/** What the reader says about each request, in their order. */
function verdictsOf(requests) {
  const input = requests.map((request) => JSON.stringify(request) + '\n').join('')
  const run = spawnSync(reader, { input, encoding: 'utf8', maxBuffer: 1 << 30 })
  if (run.error) throw run.error
  const lines = run.stdout.split('\n').slice(0, -1)
  if (run.status !== 0 || lines.length !== requests.length) {
    const open = JSON.stringify(requests[lines.length])
    throw new Error(`the reader ended early, at ${open}: ${run.signal ?? run.status} ${run.stderr}`)
  }
  return lines.map((line) => JSON.parse(line))
}

function contentOf(file) {
  const document = parseDocument(readFileSync(file, 'utf8'), { version: '1.2', schema: 'core' })
  if (document.errors.length > 0) throw document.errors[0]
  return document.toJS()
}

/** Undefined for a file that is no YAML. */
function contentIfReadable(file) {
  try {
    return contentOf(file)
  } catch {
    return undefined
  }
}

function filesIn(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => /\.(yaml|yml|json)$/.test(name))
    .sort()
    .map((name) => join(folder, name))
}

function complain(what, verdict, accepts) {
  const [why] = validate.errors ?? []
  problems.push(`${what}
  reader: ${verdict.accepted ? 'accepts it' : verdict.report.trim()}
  schema: ${accepts ? 'accepts it' : `refuses it: ${JSON.stringify(why)}`}`)
}

function checkFolder(name, readerAccepts, schemaAccepts) {
  const files = filesIn(join(documents, name))
  if (files.length === 0) throw new Error(`no documents in ${join(documents, name)}`)
  const verdicts = verdictsOf(files.map((path) => ({ path })))
  files.forEach((file, i) => {
    if (!/^# [A-Z`]/.test(readFileSync(file, 'utf8'))) {
      problems.push(`${file}\n  starts with no comment that says what it shows`)
    }
    const accepts = validate(contentOf(file))
    if (verdicts[i].accepted !== readerAccepts || accepts !== schemaAccepts) {
      complain(file, verdicts[i], accepts)
    }
  })
  return files
}

function checkOthers(folders) {
  const files = folders.flatMap(filesIn)
  const verdicts = verdictsOf(files.map((path) => ({ path })))
  files.forEach((file, i) => {
    if (verdicts[i].accepted && !validate(contentIfReadable(file))) {
      complain(file, verdicts[i], false)
    }
  })
  return verdicts.filter((verdict) => verdict.accepted).length
}

// The rules of the reader that a schema can express too, but for bounds that depend on another key.
const expressible = new Set(['unknown-key', 'wrong-type', 'missing-key', 'misplaced-key',
  'empty-block', 'ambiguous-stage', 'unknown-policy', 'bad-value'])
const otherKey = new RegExp(['must be at least (wait|initial_delay),', 'must be below ttl,',
  'must be at most \\d+ \\[', 'the block has only'].join('|'))

function isExpressible(report) {
  return report.split('\n').some((line) => {
    const rule = /: error: .*\[([a-z-]+)\]$/.exec(line)?.[1]
    return expressible.has(rule) && !(rule === 'bad-value' && otherKey.test(line))
  })
}

function checkChanges(files) {
  const changes = files.flatMap((file) =>
    changesOf(contentOf(file)).map((change) => ({ file, ...change })))
  const verdicts = verdictsOf(changes.map(({ content }) => ({ text: JSON.stringify(content) })))
  changes.forEach(({ file, what, content }, i) => {
    const verdict = verdicts[i]
    const accepts = validate(content)
    if (accepts === verdict.accepted) return
    if (verdict.accepted || isExpressible(verdict.report)) {
      complain(`${file}, ${what}`, verdict, accepts)
    }
  })
  return changes.length
}

const good = checkFolder('good', true, true)
const bad = checkFolder('bad', false, false)
const beyond = checkFolder('beyond-the-schema', false, true)
const others = checkOthers(otherFolders)
const changes = checkChanges(good)

for (const problem of problems) console.error(problem)
console.log(`${good.length} good, ${bad.length} bad, ${beyond.length} beyond the schema, ` +
  `${others} other files, ${changes} changes: ${problems.length} disagreements`)
process.exitCode = problems.length === 0 ? 0 : 1
