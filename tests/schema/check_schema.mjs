// Checks the JSON Schema of workflow files by itself: node check_schema.mjs SCHEMA

import { readFileSync } from 'node:fs'
import { compiled } from './strict_ajv.mjs'

const schema = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const problems = []

const namedParts = ['properties', 'definitions', 'dependencies']
const otherParts = ['items', 'additionalItems', 'additionalProperties', 'propertyNames', 'not',
  'if', 'then', 'else', 'allOf', 'anyOf', 'oneOf']

/** Calls `visit` for every schema inside of this one, with the place it stands at. */
function walk(part, place, visit) {
  if (part === null || typeof part !== 'object') return
  visit(part, place)
  for (const word of namedParts) {
    for (const [name, inner] of Object.entries(part[word] ?? {})) {
      walk(inner, `${place}/${word}/${name}`, visit)
    }
  }
  for (const word of otherParts) {
    const inner = part[word]
    if (!Array.isArray(inner)) walk(inner, `${place}/${word}`, visit)
    else inner.forEach((each, i) => walk(each, `${place}/${word}/${i}`, visit))
  }
}

// A condition repeats keys that are described elsewhere.
const isCondition = (place) => /\/(if|then|else|not|dependencies)(\/|$)/.test(place)

const used = new Set()
walk(schema, '#', (part, place) => {
  if (part.$ref !== undefined) {
    used.add(part.$ref)
    if (Object.keys(part).length > 1) {
      problems.push(`${place}: draft 7 ignores what stands beside $ref`)
    }
  }
  if (isCondition(place)) return
  for (const [name, inner] of Object.entries(part.properties ?? {})) {
    const where = `${place}/properties/${name}`
    if (!inner.title) problems.push(`${where}: no title`)
    if (!/^[A-Z].*\.$/.test(inner.description ?? '')) {
      problems.push(`${where}: its description must be a sentence`)
    }
  }
})
for (const name of Object.keys(schema.definitions)) {
  if (!used.has(`#/definitions/${name}`)) problems.push(`#/definitions/${name}: nobody uses it`)
}

try {
  compiled(schema)
} catch (error) {
  problems.push(error.message)
}

for (const problem of problems) console.error(problem)
console.log(problems.length === 0 ? 'the schema is sound' : `${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
