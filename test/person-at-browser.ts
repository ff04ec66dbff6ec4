import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, type Page, chromium } from 'playwright-core'

const EXECUTABLE = process.env.SLUSS_CHROMIUM ?? '/usr/bin/chromium'

/** Why a suite that needs a real browser is left out, for `describe`; false where there is one. */
export const WITHOUT_CHROMIUM: string | false =
  !existsSync(EXECUTABLE) &&
  `left out: no Chromium at ${EXECUTABLE} (Debian's package chromium; SLUSS_CHROMIUM says another place)`

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: ['--no-sandbox', '--headless', '--disable-gpu', '--no-first-run'],
  })
}

/** Somebody with a browser and a security key of their own. */
export interface PersonAtBrowser {
  readonly page: Page
  /** Opens a one-time link and makes a passkey. */
  useLink(url: string): Promise<void>
  /** Enters the code that a command line shows, confirms it, and signs in where that is asked. */
  allowDevice(url: string, code: string): Promise<void>
  leave(): Promise<void>
}

export async function personAt(browser: Browser): Promise<PersonAtBrowser> {
  const context: BrowserContext = await browser.newContext({ locale: 'en-GB' })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const session = await context.newCDPSession(page)
  await session.send('WebAuthn.enable')
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
    },
  })
  return {
    page,
    useLink: async (url) => {
      await page.goto(url)
      await page.getByRole('button', { name: 'Make a passkey' }).click()
      await page.waitForURL(/\/sign-in\/done/)
    },
    allowDevice: async (url, code) => {
      await page.goto(url)
      await page.getByLabel('Code').fill(code)
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.getByRole('button', { name: 'Yes, connect' }).click()
      const connected = page.getByRole('heading', { name: 'Connected' })
      const passkey = page.getByRole('button', { name: 'Sign in with a passkey' })
      await connected.or(passkey).waitFor()
      if (await passkey.isVisible()) await passkey.click()
      await connected.waitFor()
    },
    leave: () => context.close(),
  }
}
