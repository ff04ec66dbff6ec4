import pg from 'pg'
import { DatabaseFault } from './fault.ts'

/** Turns whatever the driver threw into a fault that carries no SQL, no parameter and no row. */
export function strip(thrown: unknown, commitAsked = false): unknown {
  if (thrown instanceof DatabaseFault) return thrown
  if (thrown instanceof pg.DatabaseError) {
    return new DatabaseFault(thrown.code ?? 'unknown', {
      constraint: thrown.constraint,
      table: thrown.table,
      commitUnknown: commitAsked && lostConnection(thrown.code),
    })
  }
  return new DatabaseFault('connection', { commitUnknown: commitAsked })
}

/** 57P0x: the server was ended by somebody; class 08: the connection itself failed. */
function lostConnection(code: string | undefined): boolean {
  return code !== undefined && (code.startsWith('57P') || code.startsWith('08'))
}
