import { createServer } from 'node:http'

/** The cheapest party there is: a session, and always the same answer. In a process of its own. */
const SESSION = Buffer.from(JSON.stringify({ auth_session_token: 'bench' }))
const ANSWER = Buffer.from(
  JSON.stringify({
    profile_uuid: 'A'.repeat(32),
    devices: Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`SYN000${1000 + i}`, 'SUCCESS']),
    ),
  }),
)
const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    const body = request.url === '/session' ? SESSION : ANSWER
    response.writeHead(200, {
      'content-type': 'application/json;charset=UTF8',
      'content-length': body.length,
    })
    response.end(body)
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 })
})
