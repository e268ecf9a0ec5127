const replacements = [null, true, -1, 0, 1.5, '', 'words', '5s', '-5s', '${{ input }}', [], {}]

function* pathsIn(content, path = []) {
  yield path
  if (content === null || typeof content !== 'object') return
  for (const key of Object.keys(content)) yield* pathsIn(content[key], [...path, key])
}

function partAt(content, path) {
  return path.reduce((inner, key) => inner[key], content)
}

/** A copy with another part at that place; without one when the part is undefined. */
function withPart(content, path, part) {
  if (path.length === 0) return part
  const copy = JSON.parse(JSON.stringify(content))
  const holder = partAt(copy, path.slice(0, -1))
  const key = path.at(-1)
  if (part !== undefined) holder[key] = part
  else if (Array.isArray(holder)) holder.splice(Number(key), 1)
  else delete holder[key]
  return copy
}

/** Every document that differs from this one in one place: another part, none, or one too many. */
export function changesOf(content) {
  const found = new Map()
  const add = (what, path, part) => {
    const changed = withPart(content, path, part)
    const text = JSON.stringify(changed)
    if (!found.has(text)) found.set(text, { what, content: changed })
  }
  for (const path of pathsIn(content)) {
    const place = '/' + path.join('/')
    const part = partAt(content, path)
    for (const other of replacements) add(`${place} = ${JSON.stringify(other)}`, path, other)
    if (path.length > 0) add(`without ${place}`, path, undefined)
    if (part === null || typeof part !== 'object' || Array.isArray(part)) continue
    for (const key of ['words', 'step', 'policies']) {
      if (!(key in part)) add(`${place} + ${key}`, path, { ...part, [key]: 'words' })
    }
  }
  return [...found.values()]
}
