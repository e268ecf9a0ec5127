import Ajv from 'ajv'

const draft7 = 'http://json-schema.org/draft-07/schema#'

function refuse(message) {
  throw new Error(message)
}

/** A validator of draft 7 that takes every doubt about the schema for an error. */
export function compiled(schema) {
  const ajv = new Ajv({
    strict: true,
    strictTypes: true,
    strictRequired: false, // conditions ask for keys that the schema around them defines
    strictTuples: false, // a command line is a program and any number of arguments
    allowUnionTypes: true,
    logger: { log: refuse, warn: refuse, error: refuse }
  })
  if (schema.$schema !== draft7) refuse('the schema is not of draft 7')
  if (!ajv.validateSchema(schema)) refuse(ajv.errorsText(ajv.errors))
  return ajv.compile(schema)
}
