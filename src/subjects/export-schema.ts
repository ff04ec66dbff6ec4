const text = { type: 'string' } as const
const time = { type: ['string', 'null'], format: 'date-time' } as const
const itemsWithPrecision = { type: 'object', additionalProperties: text } as const

/** JSON Schema (2020-12) of `data.json`. */
export const DATA_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'What is held about a person, what was shared with others, and who looked',
  type: 'object',
  required: ['request', 'madeDateTime', 'entries'],
  properties: {
    $schema: text,
    request: text,
    madeDateTime: time,
    entries: {
      type: 'array',
      items: {
        oneOf: [
          {
            type: 'object',
            required: ['type', 'room', 'kind', 'record', 'items', 'leftOut'],
            properties: {
              type: { const: 'held' },
              room: text,
              kind: text,
              record: text,
              source: { type: ['string', 'null'] },
              sinceDateTime: time,
              confirmedDateTime: time,
              removedDateTime: time,
              items: {
                type: 'array',
                items: {
                  type: 'object',
                  required: ['item', 'title', 'value', 'precision', 'purposes', 'retention'],
                  properties: {
                    item: text,
                    title: text,
                    value: {},
                    precision: text,
                    purposes: { type: 'array', items: text },
                    retention: text,
                    isDisputed: { type: 'boolean' },
                  },
                },
              },
              leftOut: {
                type: 'array',
                items: {
                  type: 'object',
                  required: ['item', 'reason'],
                  properties: { item: text, reason: text },
                },
              },
            },
          },
          {
            type: 'object',
            required: ['type', 'dateTime', 'party', 'items', 'entry'],
            properties: {
              type: { const: 'shared' },
              dateTime: time,
              party: text,
              flow: { type: ['string', 'null'] },
              purpose: { type: ['string', 'null'] },
              consent: { type: ['string', 'null'] },
              manifest: { type: ['string', 'null'] },
              outcome: { type: ['string', 'null'] },
              items: itemsWithPrecision,
              entry: text,
            },
          },
          {
            type: 'object',
            required: ['type', 'dateTime', 'by', 'items', 'entry'],
            properties: {
              type: { const: 'look' },
              dateTime: time,
              kind: text,
              by: text,
              purpose: { type: ['string', 'null'] },
              grant: { type: ['string', 'null'] },
              items: itemsWithPrecision,
              entry: text,
            },
          },
        ],
      },
    },
  },
} as const
