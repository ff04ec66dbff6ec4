/** Runs in the browser, on the pages that use passkeys. Plain JavaScript, served as a file. */
export const SCRIPT = `
(function () {
  var root = document.querySelector('[data-passkey]')
  if (!root) return
  var button = root.querySelector('button')
  var message = document.getElementById('message')
  var library = window.SimpleWebAuthnBrowser
  if (!library || !library.browserSupportsWebAuthn()) {
    button.disabled = true
    message.textContent = root.dataset.noPasskeys
    return
  }
  async function post(path, body) {
    var answer = await fetch(path + '?lang=' + document.documentElement.lang, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(body),
    })
    var said = await answer.json()
    if (!answer.ok) throw new Error(said.message || '')
    return said
  }
  async function signIn() {
    var begun = await post('/sign-in/passkey/begin', {})
    var response = await library.startAuthentication({ optionsJSON: begun.options })
    return post('/sign-in/passkey/finish', { ceremony: begun.ceremony, response: response })
  }
  async function register() {
    var token = root.dataset.token
    var name = root.querySelector('input[name=name]').value
    var begun = await post('/sign-in/link/begin', { token: token })
    var response = await library.startRegistration({ optionsJSON: begun.options })
    return post('/sign-in/link/finish', {
      token: token, ceremony: begun.ceremony, response: response, name: name,
    })
  }
  root.addEventListener('submit', async function (event) {
    event.preventDefault()
    button.disabled = true
    message.textContent = ''
    try {
      var done = await (root.dataset.passkey === 'register' ? register() : signIn())
      location.assign(done.next)
    } catch (fault) {
      message.textContent = (fault.name === 'Error' && fault.message) || root.dataset.failed
      button.disabled = false
      button.focus()
    }
  })
})()
`
